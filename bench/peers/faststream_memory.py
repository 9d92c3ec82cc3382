"""FastStream's in-memory broker: what it offers where there is no Redis."""

from __future__ import annotations

import time

from engines import Rig
from facts import assert_all_in_order, facts
from measure import PeerMissing, Reading, frozen_inputs
from promenade_kernel.events.envelope import Envelope

try:
    from faststream.redis import RedisBroker, TestRedisBroker
except ImportError:
    RedisBroker = TestRedisBroker = None

EVENTS, SUBJECTS = 2_000, 100


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
    bodies = [b"e" + envelope.encode() for envelope in facts(EVENTS, SUBJECTS)]
    async with TestRedisBroker(broker):
        with frozen_inputs():
            started = time.perf_counter()
            for body in bodies:
                await broker.publish(body, "events")
            seconds = time.perf_counter() - started
    assert_all_in_order(((each.subject, each.sequence) for each in seen), EVENTS)
    return Reading(EVENTS / seconds)
