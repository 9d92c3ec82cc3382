"""The bus inside one process: delivered events a second, with order per subject, bounded room and retry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from engines import Rig
from facts import CONSUMER, assert_all_in_order, facts, pages, sealed
from measure import Contender, Goal, Reading, Row, Watch, looped
from peers import blinker_signal, faststream_memory
from promenade_chassis.config import EventsSettings
from promenade_chassis.events.bus import Delivered
from promenade_chassis.events.memory import ContextView, MemoryBus
from promenade_chassis.events.volatile import VolatileLedger
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id

SUBJECTS = 1_000
GO = "origin's Go bus (constant, measured on such a machine, not run here)"
BARE = "bare await of the handler, event opened"
BAREST = "bare await of the handler, event at hand"
BLINKER = "blinker, send_async"

Publish = Callable[[ContextView, list[Envelope]], Awaitable[None]]


class Handler:
    """What every contender delivers to: it keeps the envelope, to be looked at afterwards."""

    def __init__(self) -> None:
        self.seen: list[Envelope] = []

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        self.seen.append(envelope)

    async def on_users_suspended(self, batch: Sequence[Delivered[UserSuspended]]) -> None:
        self.seen.extend([each.envelope for each in batch])

    async def on_users_suspended_read(self, batch: Sequence[Delivered[UserSuspended]]) -> None:
        for each in batch:
            await self.on_user_suspended(each.event, each.envelope)

    def assert_complete(self, expected: int) -> None:
        assert_all_in_order(((seen.subject, seen.sequence) for seen in self.seen), expected)


async def _in_batches(bus: ContextView, envelopes: list[Envelope]) -> None:
    receipts = [await bus.publish(page) for page in pages(envelopes)]
    for receipt in receipts:
        await receipt


async def _one_by_one(bus: ContextView, envelopes: list[Envelope]) -> None:
    receipts = [await bus.publish((envelope,)) for envelope in envelopes]
    for receipt in receipts:
        if not receipt.done():
            await receipt


async def _making_them(bus: ContextView, envelopes: list[Envelope]) -> None:
    """As `_in_batches`, but each event gets its id, time and envelope within the time measured."""
    receipts = [await bus.publish([sealed(old.subject, old.sequence) for old in page]) for page in pages(envelopes)]
    for receipt in receipts:
        await receipt


def _single(bus: ContextView, handler: Handler) -> None:
    bus.subscribe(UserSuspended, handler.on_user_suspended)


def _batch(bus: ContextView, handler: Handler) -> None:
    bus.subscribe(UserSuspended, handler.on_users_suspended, batch=True)


def _batch_read(bus: ContextView, handler: Handler) -> None:
    bus.subscribe(UserSuspended, handler.on_users_suspended_read, batch=True)


def _ours(publish: Publish, subscribe: Callable[[ContextView, Handler], None] = _single) -> Callable[[Rig], Reading]:
    async def run(rig: Rig) -> Reading:
        handler, settings = Handler(), EventsSettings()
        bus = MemoryBus().for_context(CONSUMER, VolatileLedger(CONSUMER, settings), lanes=settings.lanes)
        subscribe(bus, handler)
        envelopes = facts(rig.size, SUBJECTS)
        await bus.start()
        with Watch() as watch:
            await publish(bus, envelopes)
        await bus.close(5)
        handler.assert_complete(rig.size)
        return watch.reading(rig.size)

    return looped(run)


async def _bare(rig: Rig) -> Reading:
    handler, envelopes = Handler(), facts(rig.size, SUBJECTS)
    with Watch() as watch:
        for envelope in envelopes:
            await handler.on_user_suspended(envelope.open(), envelope)
    handler.assert_complete(rig.size)
    return watch.reading(rig.size)


async def _barest(rig: Rig) -> Reading:
    handler, envelopes = Handler(), facts(rig.size, SUBJECTS)
    events = [cast("UserSuspended", envelope.open()) for envelope in envelopes]
    with Watch() as watch:
        for event, envelope in zip(events, envelopes, strict=True):
            await handler.on_user_suspended(event, envelope)
    handler.assert_complete(rig.size)
    return watch.reading(rig.size)


async def _bare_making_them(rig: Rig) -> Reading:
    handler, people = Handler(), [new_id() for _ in range(SUBJECTS)]
    with Watch() as watch:
        for number in range(rig.size):
            envelope = sealed(people[number % SUBJECTS], number // SUBJECTS + 1)
            await handler.on_user_suspended(envelope.open(), envelope)
    handler.assert_complete(rig.size)
    return watch.reading(rig.size)


_BARE = Contender(BARE, looped(_bare))
_BAREST = Contender(BAREST, looped(_barest))
_BLINKER = Contender(BLINKER, looped(blinker_signal.run))
_CONSTANTS = {GO: 258_000.0}

ROWS = [
    Row(
        "memory-batches",
        "memory bus, published in batches of 500, batch reaction that reads no payload",
        "events/s",
        Contender("memory bus", _ours(_in_batches, _batch)),
        [_BAREST, Contender("FastStream, TestRedisBroker", looped(faststream_memory.run))],
        _CONSTANTS,
        [Goal("≥ 1,000,000/s", "rate", least=1_000_000)],
    ),
    Row(
        "memory-read",
        "memory bus, published in batches of 500, batch reaction that reads each payload",
        "events/s",
        Contender("memory bus", _ours(_in_batches, _batch_read)),
        [_BARE, _BLINKER],
        _CONSTANTS,
        [Goal("≥ 0.5 × bare await", BARE, least=0.5)],
        long=True,
    ),
    Row(
        "memory-pages",
        "memory bus, published in batches of 500, ordinary reaction",
        "events/s",
        Contender("memory bus", _ours(_in_batches)),
        [_BARE, _BLINKER],
        _CONSTANTS,
        [Goal("≥ 0.5 × bare await", BARE, least=0.5), Goal("≥ 1 × blinker", BLINKER, least=1.0)],
    ),
    Row(
        "memory-single",
        "memory bus, published one by one, ordinary reaction",
        "events/s",
        Contender("memory bus", _ours(_one_by_one)),
        [_BARE, _BLINKER],
        _CONSTANTS,
        [Goal("≥ 1 × blinker", BLINKER, least=1.0)],
        long=True,
    ),
    Row(
        "memory-made",
        "memory bus, ids and envelopes made in the time measured, ordinary reaction",
        "events/s",
        Contender("memory bus", _ours(_making_them)),
        [Contender("bare await, ids and envelopes made too", looped(_bare_making_them))],
        _CONSTANTS,
        [Goal("≥ 2.5 × Go", GO, least=2.5)],
    ),
]
