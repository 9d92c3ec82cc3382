"""taskiq on Redis Streams: a task an event, kicked one by one, run by its own receiver in the same process."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from engines import Rig
from facts import facts
from measure import PeerMissing, Reading, Watch
from promenade_kernel.events.envelope import Envelope

try:
    from taskiq.receiver import Receiver
    from taskiq_redis import RedisStreamBroker
except ImportError:
    RedisStreamBroker = Receiver = None

SUBJECTS = 500


async def run(rig: Rig) -> Reading:
    """Its tasks run concurrently: it promises no order, so only their number is asserted."""
    if RedisStreamBroker is None or Receiver is None:
        raise PeerMissing("taskiq-redis is not installed (uv sync --group bench)")
    rig.emptied_redis()
    seen: set[tuple[object, int]] = set()
    all_here = asyncio.Event()
    broker = RedisStreamBroker(rig.redis_url, queue_name="taskiq-bench", consumer_id="0")

    @broker.task(task_name="bench")
    async def on_event(body: str) -> None:
        envelope = Envelope.decode(body.encode())
        envelope.open()
        seen.add((envelope.subject, envelope.sequence))
        if len(seen) == rig.size:
            all_here.set()

    broker.is_worker_process = True
    await broker.startup()
    finish, bodies = asyncio.Event(), [envelope.encode().decode() for envelope in facts(rig.size, SUBJECTS)]
    with ThreadPoolExecutor(1) as threads:
        listening = asyncio.create_task(Receiver(broker, threads, max_async_tasks=100).listen(finish))
        try:
            with Watch() as watch:
                for body in bodies:
                    await on_event.kiq(body)
                await all_here.wait()
        finally:
            finish.set()
            await asyncio.wait([listening], timeout=5)
            await broker.shutdown()
    assert len(seen) == rig.size
    return watch.reading(rig.size)
