"""A full stream, what reactions work on, and what must have come of it: for our consumer and its peers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import psycopg
from engines import Rig
from facts import CONSUMER, STREAM, assert_all_in_order, facts, pages
from promenade_chassis.database import Database
from promenade_kernel.events.envelope import Envelope
from redis import Redis
from tea import PostgresTeas, Tea

SUBJECTS = 1_000


def fill(redis: Redis, envelopes: Sequence[Envelope], stream: str = STREAM) -> None:
    """Append to the stream, outside the time measured."""
    for page in pages(envelopes, 1_000):
        pipeline = redis.pipeline(transaction=False)
        for envelope in page:
            pipeline.xadd(stream, {"e": envelope.encode()})
        pipeline.execute()


def prepared(rig: Rig, events: int) -> tuple[Redis, list[Envelope]]:
    """A full stream, empty tables."""
    redis, envelopes = rig.emptied_redis(), facts(events, SUBJECTS)
    rig.emptied_tables()
    fill(redis, envelopes)
    return redis, envelopes


async def put_teas(database: Database, envelopes: Sequence[Envelope]) -> None:
    """A pot of tea for every subject."""
    teas = PostgresTeas(database)
    async with database.begin():
        for subject in dict.fromkeys(envelope.subject for envelope in envelopes):
            await teas.add(Tea(id=subject, name="Assam", cups=1_000_000))


async def all_acknowledged(redis: Redis, group: str = CONSUMER, stream: str = STREAM) -> None:
    """Until the group has read to the end of the stream and nothing is pending for it."""
    last = redis.xinfo_stream(stream)["last-generated-id"]
    while not any(
        found["last-delivered-id"] == last and not found["pending"]
        for found in redis.xinfo_groups(stream)
        if found["name"].decode() == group
    ):
        await asyncio.sleep(0.002)


class Arrivals:
    """Counts what a reaction was given, so that nobody has to ask the engines before all has come."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._all_here = asyncio.Event()

    def take(self, events: int = 1) -> None:
        """So many more."""
        self._left -= events
        if self._left <= 0:
            self._all_here.set()

    async def wait(self) -> None:
        """Until all have come."""
        await self._all_here.wait()


def assert_effects(rig: Rig, expected: int, *, poured: bool, ordered: bool = True) -> None:
    """Every fact took effect exactly once, each subject's in order where that is promised."""
    statement = "SELECT subject, sequence FROM " + (
        "outbox ORDER BY seq" if poured else "effect ORDER BY position" if ordered else "effect ORDER BY sequence"
    )
    with psycopg.connect(rig.database_url) as connection:
        found: list[tuple[UUID, int]] = connection.execute(statement).fetchall()
        marks = connection.execute("SELECT count(*) FROM inbox").fetchone()
    assert_all_in_order(found, expected)
    assert marks == (expected,), marks
