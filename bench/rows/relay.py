"""The relay: a backlog of committed outbox rows onto the stream, each marked with its entry's id."""

from __future__ import annotations

import asyncio
import time

import psycopg
from engines import Rig
from facts import STREAM, assert_all_in_order, facts, pages
from measure import Contender, Goal, Reading, Row, looped
from peers import xadd
from promenade_chassis import outbox
from promenade_chassis.config import EventsSettings
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.relay import Relay
from promenade_kernel.events.envelope import Envelope
from redis import Redis

EVENTS, SUBJECTS = 60_000, 1_000
REDIS_BENCHMARK = "redis-benchmark, XADD in pipelines of 500"
RAW_SOCKET = "raw socket, XADD in pipelines of 500"


async def _drained(rig: Rig) -> Reading:
    redis = rig.emptied_redis()
    rig.emptied_tables()
    async with rig.database(2) as database:
        for page in pages(facts(EVENTS, SUBJECTS)):
            async with database.begin():
                await outbox.append(database.writing_connection(), page)
        rig.checkpoint()
        relay = Relay(database, "identity", StreamOutlet(RedisLink(rig.redis_url), STREAM, EventsSettings()))
        started = time.perf_counter()
        running = asyncio.create_task(relay.run())
        try:
            await _all_marked(rig, redis, running)
            seconds = time.perf_counter() - started
        finally:
            relay.stop()
            await running
    _assert_faithful(rig, redis)
    return Reading(EVENTS / seconds)


async def _all_marked(rig: Rig, redis: Redis, running: asyncio.Task[None]) -> None:
    """Until every row's entry is on the stream and the row is marked."""
    while redis.xlen(STREAM) < EVENTS:
        assert not running.done(), running.exception()
        await asyncio.sleep(0.005)
    async with await psycopg.AsyncConnection.connect(rig.database_url, autocommit=True) as connection:
        question = "SELECT EXISTS (SELECT 1 FROM outbox WHERE published_at IS NULL)"
        while (await (await connection.execute(question)).fetchone()) == (True,):
            await asyncio.sleep(0.005)


def _assert_faithful(rig: Rig, redis: Redis) -> None:
    """The stream holds every row once and in order, and each row knows its entry."""
    entries = redis.xrange(STREAM)
    opened = [Envelope.decode(fields[b"e"]) for _, fields in entries]
    assert_all_in_order(((each.subject, each.sequence) for each in opened), EVENTS)
    with psycopg.connect(rig.database_url) as connection:
        rows = connection.execute("SELECT event_id, stream_id FROM outbox ORDER BY seq").fetchall()
    assert rows == [(each.id, entry_id.decode()) for each, (entry_id, _) in zip(opened, entries, strict=True)]


ROWS = [
    Row(
        "relay",
        "relay, table to stream, backlog of committed rows",
        "events/s",
        Contender("Relay, StreamOutlet", looped(_drained)),
        [Contender(REDIS_BENCHMARK, xadd.redis_benchmark), Contender(RAW_SOCKET, xadd.raw_socket)],
        goals=[Goal("≥ 80,000/s", "rate", least=80_000)],
    ),
]
