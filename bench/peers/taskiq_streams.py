"""taskiq on Redis Streams: a task an event, kicked one by one, run by its own receiver in the same process."""

from __future__ import annotations

import asyncio
import time

from engines import Rig
from facts import facts
from measure import PeerMissing, Reading, frozen_inputs
from promenade_kernel.events.envelope import Envelope

try:
    from taskiq.api import run_receiver_task
    from taskiq_redis import RedisStreamBroker
except ImportError:
    RedisStreamBroker = run_receiver_task = None

EVENTS, SUBJECTS = 2_500, 500


async def run(rig: Rig) -> Reading:
    """Its tasks run concurrently: it promises no order, so only their number is asserted."""
    if RedisStreamBroker is None or run_receiver_task is None:
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
        if len(seen) == EVENTS:
            all_here.set()

    await broker.startup()
    receiver = asyncio.create_task(run_receiver_task(broker))
    bodies = [envelope.encode().decode() for envelope in facts(EVENTS, SUBJECTS)]
    try:
        with frozen_inputs():
            started = time.perf_counter()
            for body in bodies:
                await on_event.kiq(body)
            await all_here.wait()
            seconds = time.perf_counter() - started
    finally:
        receiver.cancel()
        await asyncio.gather(receiver, return_exceptions=True)
        await broker.shutdown()
    assert len(seen) == EVENTS
    return Reading(EVENTS / seconds)
