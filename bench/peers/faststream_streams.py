"""FastStream on Redis Streams: a consumer group, acknowledged, in the same process and on the same Valkey as ours.

Its logger is off (it would log each message) and it may read as many entries at once as ours. A letter goes before each
body: without it FastStream would read the JSON by itself (in batches: read and write it again) before the handler does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from engines import Rig
from facts import assert_all_in_order, facts, pages
from measure import PeerMissing, Reading, frozen_inputs, percentile
from promenade_kernel.events.envelope import Envelope

try:
    from faststream.redis import RedisBroker, StreamSub
except ImportError:
    RedisBroker = StreamSub = None

STREAM, GROUP = "faststream", "bench"
SINGLE_EVENTS, BATCH_EVENTS, SUBJECTS = 2_500, 25_000, 500
STEADY_RATE, STEADY_SECONDS = 200, 3


class _Seen:
    def __init__(self, expected: int) -> None:
        self.envelopes: list[Envelope] = []
        self.at: list[float] = []
        self.all_here = asyncio.Event()
        self._expected = expected

    def take(self, body: bytes | str) -> None:
        envelope = Envelope.decode(body[1:])
        envelope.open()
        self.envelopes.append(envelope)
        self.at.append(time.perf_counter())
        if len(self.envelopes) == self._expected:
            self.all_here.set()

    def assert_complete(self) -> None:
        assert_all_in_order(((each.subject, each.sequence) for each in self.envelopes), self._expected)


def _subscribed(rig: Rig, seen: _Seen, *, batch: bool) -> Any:
    if RedisBroker is None or StreamSub is None:
        raise PeerMissing("faststream is not installed (uv sync --group bench)")
    broker = RedisBroker(rig.redis_url, logger=None)
    where = StreamSub(STREAM, group=GROUP, consumer="c", batch=batch, max_records=500)
    if batch:

        @broker.subscriber(stream=where)
        async def on_events(bodies: list[str]) -> None:
            for body in bodies:
                seen.take(body)
    else:

        @broker.subscriber(stream=where)
        async def on_event(body: bytes) -> None:
            seen.take(body)

    return broker


async def one_by_one(rig: Rig) -> Reading:
    """Published one by one, handled one by one."""

    async def publish(broker: Any, bodies: list[bytes]) -> None:
        for body in bodies:
            await broker.publish(body, stream=STREAM)

    return await _run(rig, SINGLE_EVENTS, publish, batch=False)


async def in_batches(rig: Rig) -> Reading:
    """Published through pipelines of 500, handled in batches of up to 500."""

    async def publish(broker: Any, bodies: list[bytes]) -> None:
        client = broker.config.broker_config.connection.client
        for page in pages(bodies):
            async with client.pipeline(transaction=False) as pipeline:
                for body in page:
                    await broker.publish(body, stream=STREAM, pipeline=pipeline)
                await pipeline.execute()

    return await _run(rig, BATCH_EVENTS, publish, batch=True)


async def _run(
    rig: Rig, events: int, publish: Callable[[Any, list[bytes]], Awaitable[None]], *, batch: bool
) -> Reading:
    redis, seen = rig.emptied_redis(), _Seen(events)
    broker = _subscribed(rig, seen, batch=batch)
    bodies = [b"e" + envelope.encode() for envelope in facts(events, SUBJECTS)]
    async with broker:
        await broker.start()
        with frozen_inputs():
            started = time.perf_counter()
            await publish(broker, bodies)
            await seen.all_here.wait()
            while redis.xpending(STREAM, GROUP)["pending"]:
                await asyncio.sleep(0.002)
            seconds = time.perf_counter() - started
    seen.assert_complete()
    return Reading(events / seconds)


async def steady(rig: Rig) -> Reading:
    """Publish to handler at a rate it can hold: it does not reach ours."""
    rig.emptied_redis()
    envelopes = facts(STEADY_RATE * STEADY_SECONDS, SUBJECTS)
    seen = _Seen(len(envelopes))
    broker = _subscribed(rig, seen, batch=False)
    async with broker:
        await broker.start()
        started = time.perf_counter()
        for number, envelope in enumerate(envelopes):
            while (left := started + number / STEADY_RATE - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            await broker.publish(b"e" + envelope.encode(), stream=STREAM)
        await seen.all_here.wait()
        seconds = time.perf_counter() - started
    seen.assert_complete()
    took = [(at - started - number / STEADY_RATE) * 1000 for number, at in enumerate(seen.at)]
    return Reading(len(envelopes) / seconds, percentile(took, 0.5), percentile(took, 0.99), {"at": STEADY_RATE})
