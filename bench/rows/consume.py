"""Consuming with an effect: inbox, progress and effect in one transaction, then the acknowledgement."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from consuming import Arrivals, all_acknowledged, assert_effects, prepared, put_teas
from engines import Rig
from facts import CONSUMER
from measure import Contender, Goal, Reading, Row, Watch, looped
from peers import plain_consumer
from promenade_chassis.columns import bigints, uuids
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Delivered
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.redis import RedisBus
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended
from tea import PostgresTeas

_EFFECTS = """
INSERT INTO effect (event_id, subject, sequence)
SELECT * FROM unnest(%(ids)b::uuid[], %(subjects)b::uuid[], %(sequences)b::bigint[])
"""
SLOW = 500
"""Events of a warm-up where each costs several round trips."""

_AS_SHIPPED, _ALONE = EventsSettings(), EventsSettings(batch=1)
PLAIN, OURS_ALONE = "plain consumer, one transaction an event", "redis bus, one transaction an event"


class _Effects:
    """One effect row an event, all of a batch in one statement."""

    def __init__(self, database: Database, arrivals: Arrivals) -> None:
        self._database = database
        self._arrivals = arrivals

    def subscribe(self, bus: RedisBus) -> None:
        bus.subscribe(UserSuspended, self.on_users_suspended, batch=True)

    async def on_users_suspended(self, batch: Sequence[Delivered[UserSuspended]]) -> None:
        values = {
            "ids": uuids(each.envelope.id for each in batch),
            "subjects": uuids(each.event.user_id for each in batch),
            "sequences": bigints(each.envelope.sequence for each in batch),
        }
        await self._database.writing_connection().execute(_EFFECTS, values)
        self._arrivals.take(len(batch))


class _Pouring:
    """An ordinary use case: load the aggregate, apply its rule, write it with its event."""

    def __init__(self, database: Database, arrivals: Arrivals) -> None:
        self._database = database
        self._arrivals = arrivals
        self._teas = PostgresTeas(database)

    def subscribe(self, bus: RedisBus) -> None:
        bus.subscribe(UserSuspended, self.on_user_suspended)

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        async with self._database.begin():
            tea = await self._teas.get(event.user_id)
            tea.pour()
            await self._teas.save(tea)
        self._arrivals.take()


@asynccontextmanager
async def _bus(rig: Rig, database: Database, settings: EventsSettings) -> AsyncGenerator[RedisBus, None]:
    ledger = PostgresLedger(database, CONSUMER, settings)
    bus = RedisBus(rig.redis_url, CONSUMER, ledger, settings, replica="bench")
    try:
        yield bus
    finally:
        await bus.close(10)


def _ours(
    reacting: Callable[[Database, Arrivals], _Effects | _Pouring], settings: EventsSettings = _AS_SHIPPED
) -> Callable[[Rig], Reading]:
    async def run(rig: Rig) -> Reading:
        (redis, envelopes), arrivals = prepared(rig, rig.size), Arrivals(rig.size)
        async with rig.database(8) as database:
            await put_teas(database, envelopes)
            rig.checkpoint()
            async with _bus(rig, database, settings) as bus:
                reacting(database, arrivals).subscribe(bus)
                with Watch() as watch:
                    await bus.start()
                    await arrivals.wait()
                    await all_acknowledged(redis)
        assert_effects(rig, rig.size, poured=reacting is _Pouring)
        return watch.reading(rig.size)

    return looped(run)


ROWS = [
    Row(
        "consume-batch",
        "consume with inbox and one effect row an event, batch reaction",
        "events/s",
        Contender("redis bus, PostgresLedger", _ours(_Effects)),
        [
            Contender(OURS_ALONE, _ours(_Effects, _ALONE), SLOW),
            Contender(PLAIN, looped(plain_consumer.effects), SLOW),
        ],
        goals=[Goal("≥ 45,000/s", "rate", least=45_000)],
    ),
    Row(
        "consume-ordinary",
        "consume with inbox: load, rule, versioned update, outbox row",
        "events/s",
        Contender("redis bus, PostgresLedger", _ours(_Pouring), SLOW),
        [
            Contender(OURS_ALONE, _ours(_Pouring, _ALONE), SLOW),
            Contender(PLAIN, looped(plain_consumer.pouring), SLOW),
        ],
        goals=[Goal("≥ 1,500/s", "rate", least=1_500)],
    ),
]
