"""The base of repositories: versions, and events that commit with what they tell of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import Aggregate, Conflict, StaleVersion, use_cause
from promenade_chassis.repository import BaseRepository, refusing_duplicates
from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.events.identity import UserReinstated
from psycopg.errors import UniqueViolation

TABLE = """
CREATE TABLE cat (id uuid PRIMARY KEY, name text CONSTRAINT cat_name UNIQUE, version bigint, last_sequence bigint,
                  created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)
"""


@dataclass(kw_only=True)
class Cat(Aggregate):
    name: str

    def purr(self) -> None:
        self.record(UserReinstated(user_id=self.id))


class Cats(BaseRepository):
    async def add(self, cat: Cat) -> None:
        await self._insert(
            cat,
            "INSERT INTO cat VALUES (%(id)s, %(name)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)",
            name=cat.name,
        )

    async def save(self, cat: Cat) -> None:
        await self._update(
            cat,
            "UPDATE cat SET name = %(name)s, version = %(version)s, last_sequence = %(last_sequence)s,"
            " updated_at = %(updated_at)s, deleted_at = %(deleted_at)s"
            " WHERE id = %(id)s AND version = %(expected_version)s",
            name=cat.name,
        )

    async def save_with_log(self, cat: Cat) -> None:
        await self._update(
            cat,
            "WITH logged AS (INSERT INTO cat_log VALUES (%(name)s)) UPDATE cat SET version = %(version)s,"
            " last_sequence = %(last_sequence)s WHERE id = %(id)s AND version = %(expected_version)s",
            name=cat.name,
        )

    async def get(self, cat_id: UUID) -> Cat:
        row = await self._fetch_one("SELECT * FROM cat WHERE id = %(id)s", id=cat_id)
        assert row is not None
        return Cat(**row)

    async def names(self) -> list[str]:
        return [row["name"] for row in await self._fetch_all("SELECT name FROM cat ORDER BY name")]

    async def outbox(self) -> list[dict[str, Any]]:
        return await self._fetch_all("SELECT * FROM outbox ORDER BY seq")

    async def rename_all(self, name: str) -> int:
        return await self._execute("UPDATE cat SET name = name || %(name)s", name=name)


@pytest.fixture
async def cats(database: Database) -> Cats:
    async with database.begin():
        await database.writing_connection().execute(TABLE)
    return Cats(database)


async def add(database: Database, cats: Cats) -> Cat:
    cat = Cat(name=uuid4().hex)
    async with database.begin():
        await cats.add(cat)
    return cat


async def test_a_write_takes_the_aggregate_along(database: Database, cats: Cats) -> None:
    """Version, sequence and time of the write are the row's and the object's alike."""
    cat = await add(database, cats)
    cat.purr()
    cat.purr()

    async with database.begin():
        await cats.save(cat)

    assert (cat.version, cat.last_sequence) == (2, 2)
    assert await cats.get(cat.id) == cat


async def test_a_stale_version_loses(database: Database, cats: Cats) -> None:
    """Its row stays as it is, and so do the outbox and the object that lost."""
    cat = await add(database, cats)
    winner, loser = await cats.get(cat.id), await cats.get(cat.id)
    async with database.begin():
        await cats.save(winner)

    loser.purr()
    with pytest.raises(StaleVersion):
        async with database.begin():
            await cats.save(loser)

    assert await cats.get(cat.id) == winner
    assert await cats.outbox() == []
    assert (loser.version, len(loser.recorded())) == (1, 1)


async def test_a_statement_of_several_parts_is_as_safe(database: Database, cats: Cats) -> None:
    """Its events cannot be made part of it; they are written after it, and not when it was stale."""
    async with database.begin():
        await database.writing_connection().execute("CREATE TABLE cat_log (name text)")
    cat = await add(database, cats)
    loser = await cats.get(cat.id)

    cat.purr()
    async with database.begin():
        await cats.save_with_log(cat)
    loser.purr()
    with pytest.raises(StaleVersion):
        async with database.begin():
            await cats.save_with_log(loser)

    assert [row["sequence"] for row in await cats.outbox()] == [1]
    assert (await cats.get(cat.id)).last_sequence == 1


async def test_of_many_writers_one_wins(database: Database, cats: Cats) -> None:
    """Eight connections write the version they all have read."""
    cat = await add(database, cats)
    all_have_read = asyncio.Barrier(8)

    async def write() -> None:
        async with database.begin():
            mine = await cats.get(cat.id)
            await all_have_read.wait()
            mine.purr()
            await cats.save(mine)

    results = await asyncio.gather(*(write() for _ in range(8)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["NoneType"] + ["StaleVersion"] * 7
    assert [row["sequence"] for row in await cats.outbox()] == [1]


async def test_events_are_numbered_without_gaps(database: Database, cats: Cats) -> None:
    """Over several writes, in the order they were recorded, under the cause of the work at hand."""
    cat = Cat(name="a")
    cat.purr()
    with use_cause(Cause("process", "request", None, "ada")):
        async with database.begin():
            await cats.add(cat)
        for purrs in (2, 0, 1):
            for _ in range(purrs):
                cat.purr()
            async with database.begin():
                await cats.save(cat)

    rows = await cats.outbox()
    envelopes = [Envelope.decode(row["envelope"]) for row in rows]
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
    assert {(row["subject"], row["type"], row["major"]) for row in rows} == {(cat.id, "user.reinstated.v1", 1)}
    assert [(e.id, e.sequence) for e in envelopes] == [(row["event_id"], row["sequence"]) for row in rows]
    assert {(e.correlationid, e.causationid, e.actor) for e in envelopes} == {("process", "request", "ada")}
    assert (cat.version, cat.last_sequence) == (4, 4)


async def test_events_vanish_with_their_savepoint(database: Database, cats: Cats) -> None:
    """What was undone is not told, and nobody is woken for it."""
    woken: list[int] = []
    database.when_events_recorded(lambda: woken.append(1))
    cat = await add(database, cats)

    async with database.begin():
        with suppress(LookupError):
            async with database.begin():
                cat.purr()
                await cats.save(cat)
                raise LookupError

    assert await cats.outbox() == []
    assert woken == []


async def test_who_relays_events_is_woken_once_a_commit(database: Database, cats: Cats) -> None:
    """After the commit, and only when it wrote events."""
    woken: list[int] = []
    database.when_events_recorded(lambda: woken.append(1))
    one, other = await add(database, cats), await add(database, cats)
    silent = list(woken)

    async with database.begin():
        for cat in (one, other):
            cat.purr()
            await cats.save(cat)
        before = list(woken)

    assert (silent, before, woken) == ([], [], [1])


async def test_writes_need_a_unit_of_work(database: Database, cats: Cats) -> None:
    """Every way of writing is refused outside, reading is not."""
    cat = await add(database, cats)

    for write in (cats.add(Cat(name="b")), cats.save(cat), cats.rename_all("x")):
        with pytest.raises(TransactionMisuse):
            await write

    assert await cats.names() == [cat.name]


async def test_a_bulk_write_says_how_many(database: Database, cats: Cats) -> None:
    """The number of rows it touched."""
    await add(database, cats)
    await add(database, cats)

    async with database.begin():
        assert await cats.rename_all("!") == 2


@pytest.mark.parametrize(("constraint", "error"), [("cat_name", Conflict), ("another", UniqueViolation)])
async def test_a_duplicate_becomes_the_domains_error(
    database: Database, cats: Cats, constraint: str, error: type[Exception]
) -> None:
    """Only of the constraint that was meant; any other is a mistake of ours."""
    cat = await add(database, cats)

    async def add_again() -> None:
        async with database.begin():
            with refusing_duplicates(constraint, Conflict()):
                await cats.add(Cat(name=cat.name))

    with pytest.raises(error):
        await add_again()
