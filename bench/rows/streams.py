"""Redis Streams end to end in one process: publish, group read, decode, dispatch, acknowledge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from consuming import all_acknowledged, fill
from engines import Rig
from facts import CONSUMER, assert_all_in_order, facts, pages
from measure import Contender, Goal, Reading, Row, Watch, looped, percentile
from peers import faststream_streams, taskiq_streams
from promenade_chassis.config import EventsSettings
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.volatile import VolatileLedger
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

SUBJECTS = 1_000
STEADY_RATE, STEADY_SECONDS = 1_000, 3
FASTSTREAM, FASTSTREAM_BATCHES = "FastStream, one by one", "FastStream, batches of 500"
TASKIQ = "taskiq-redis, RedisStreamBroker"


class _Seen:
    """The reaction: keeps each envelope and when it came, and tells when all have come."""

    def __init__(self, expected: int) -> None:
        self.envelopes: list[Envelope] = []
        self.at: list[float] = []
        self.all_here = asyncio.Event()
        self._expected = expected

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        if len(self.envelopes) == self._expected:
            self.all_here.set()

    async def on_user_suspended_timed(self, event: UserSuspended, envelope: Envelope) -> None:
        self.at.append(time.perf_counter())
        await self.on_user_suspended(event, envelope)

    def assert_complete(self) -> None:
        assert_all_in_order(((each.subject, each.sequence) for each in self.envelopes), self._expected)


@asynccontextmanager
async def _bus(rig: Rig) -> AsyncGenerator[RedisBus, None]:
    settings = EventsSettings()
    bus = RedisBus(rig.redis_url, CONSUMER, VolatileLedger(CONSUMER, settings), settings, replica="bench")
    try:
        yield bus
    finally:
        await bus.close(5)


async def _published_and_consumed(rig: Rig) -> Reading:
    redis, seen = rig.emptied_redis(), _Seen(rig.size)
    envelopes = facts(rig.size, SUBJECTS)
    async with _bus(rig) as bus:
        bus.subscribe(UserSuspended, seen.on_user_suspended)
        await bus.start()
        with Watch() as watch:
            for page in pages(envelopes):
                await bus.publish(page)
            await seen.all_here.wait()
            await all_acknowledged(redis)
    seen.assert_complete()
    return watch.reading(rig.size)


async def _consumed(rig: Rig) -> Reading:
    redis, seen = rig.emptied_redis(), _Seen(rig.size)
    fill(redis, facts(rig.size, SUBJECTS))
    async with _bus(rig) as bus:
        bus.subscribe(UserSuspended, seen.on_user_suspended)
        with Watch() as watch:
            await bus.start()
            await seen.all_here.wait()
            await all_acknowledged(redis)
    seen.assert_complete()
    return watch.reading(rig.size)


async def _steady(rig: Rig) -> Reading:
    rig.emptied_redis()
    envelopes = facts(STEADY_RATE * STEADY_SECONDS, SUBJECTS)
    seen = _Seen(len(envelopes))
    async with _bus(rig) as bus:
        bus.subscribe(UserSuspended, seen.on_user_suspended_timed)
        await bus.start()
        await asyncio.sleep(0.2)
        due: dict[tuple[object, int], float] = {}
        with Watch() as watch:
            started = time.perf_counter()
            for number, envelope in enumerate(envelopes):
                moment = started + number / STEADY_RATE
                while (left := moment - time.perf_counter()) > 0:
                    await asyncio.sleep(left)
                due[envelope.subject, envelope.sequence] = moment
                await bus.publish((envelope,))
            await seen.all_here.wait()
    seen.assert_complete()
    took = [
        (at - due[envelope.subject, envelope.sequence]) * 1000
        for at, envelope in zip(seen.at, seen.envelopes, strict=True)
    ]
    return watch.reading(len(envelopes), p50=percentile(took, 0.5), p99=percentile(took, 0.99))


ROWS = [
    Row(
        "streams",
        "Redis Streams, publish to acknowledge, published in batches of 500",
        "events/s",
        Contender("redis bus", looped(_published_and_consumed)),
        [
            Contender(FASTSTREAM, looped(faststream_streams.one_by_one)),
            Contender(FASTSTREAM_BATCHES, looped(faststream_streams.in_batches)),
            Contender(TASKIQ, looped(taskiq_streams.run)),
        ],
        goals=[
            Goal("≥ 130,000/s", "rate", least=130_000),
            Goal("≥ 4 × FastStream in batches", FASTSTREAM_BATCHES, least=4.0),
        ],
    ),
    Row(
        "streams-consume",
        "Redis Streams, group read to acknowledge, from a full stream",
        "events/s",
        Contender("redis bus", looped(_consumed)),
        long=True,
    ),
    Row(
        "streams-latency",
        f"Redis Streams, publish to reaction at {STEADY_RATE:,}/s",
        "events/s",
        Contender("redis bus", looped(_steady)),
        [Contender(f"{FASTSTREAM}, at {faststream_streams.STEADY_RATE}/s", looped(faststream_streams.steady))],
        goals=[Goal("p50 ≤ 0.5 ms", "p50", most=0.5), Goal("p99 ≤ 5 ms", "p99", most=5.0)],
        ratios=False,
    ),
]
