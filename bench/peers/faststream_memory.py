"""FastStream's in-memory broker: what it offers where there is no Redis."""

from __future__ import annotations

from engines import Rig
from facts import assert_all_in_order, facts
from measure import PeerMissing, Reading, Watch
from promenade_kernel.events.envelope import Envelope

try:
    from faststream.redis import RedisBroker, TestRedisBroker
except ImportError:
    RedisBroker = TestRedisBroker = None

SUBJECTS = 100


async def run(rig: Rig) -> Reading:
    """Publish encoded envelopes one by one to one subscriber that decodes and opens them."""
    if RedisBroker is None or TestRedisBroker is None:
        raise PeerMissing("faststream is not installed (uv sync --group bench)")
    seen: list[Envelope] = []
    broker = RedisBroker(logger=None)

    @broker.subscriber("events")
    async def on_event(body: bytes) -> None:
        envelope = Envelope.decode(body[1:])
        envelope.open()
        seen.append(envelope)

    # One letter before it, or FastStream would read the JSON by itself before we do.
    bodies = [b"e" + envelope.encode() for envelope in facts(rig.size, SUBJECTS)]
    async with TestRedisBroker(broker):
        with Watch() as watch:
            for body in bodies:
                await broker.publish(body, "events")
    assert_all_in_order(((each.subject, each.sequence) for each in seen), rig.size)
    return watch.reading(rig.size)
