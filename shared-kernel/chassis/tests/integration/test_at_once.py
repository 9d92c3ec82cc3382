"""Units of work that only add rows: one statement, and as whole as any other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import pytest
from promenade_chassis.additions import Duplicates
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import Aggregate, Conflict
from promenade_chassis.repository import BaseRepository
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.identity import UserReinstated
from psycopg.errors import CheckViolation, UniqueViolation

TABLES = """
CREATE TABLE cat (id uuid PRIMARY KEY, name text CONSTRAINT cat_name UNIQUE, version bigint, xid xid8);
CREATE TABLE kitten (cat_id uuid NOT NULL REFERENCES cat (id), id text PRIMARY KEY CHECK (id <> ''), xid xid8)
"""


class NameTaken(Conflict):
    """Another cat has it."""

    slug = "name-taken"
    title = "The name is taken"
    advice = "Use another one."


@dataclass(kw_only=True)
class Cat(Aggregate):
    name: str


class Cats(BaseRepository):
    duplicates: ClassVar[Duplicates] = {"cat_name": NameTaken}

    async def add(self, cat: Cat) -> None:
        cat.record(UserReinstated(user_id=cat.id))
        await self._insert(
            cat, "INSERT INTO cat VALUES (%(id)s, %(name)s, %(version)s, pg_current_xact_id())", name=cat.name
        )

    async def add_kitten(self, cat: Cat, name: str) -> None:
        await self._add("INSERT INTO kitten VALUES (%(cat)s, %(id)s, pg_current_xact_id())", cat=cat.id, id=name)

    async def rename(self, cat: Cat) -> None:
        statement = "UPDATE cat SET name = %(name)s WHERE id = %(id)s AND version = %(expected_version)s"
        await self._update(cat, statement, name="Tom")

    async def add_asking(self, cat: Cat) -> None:
        await self._add("INSERT INTO kitten VALUES (%(cat)s, 'Kit') RETURNING id", cat=cat.id)

    async def add_percent(self, cat: Cat) -> None:
        await self._add("INSERT INTO kitten VALUES (%(cat)s, '100 %%(id)s' || %(id)s)", cat=cat.id, id=" Kit")

    async def add_unless_there(self, cat: Cat) -> None:
        cat.record(UserReinstated(user_id=cat.id))
        await self._insert(
            cat, "INSERT INTO cat VALUES (%(id)s, %(name)s, %(version)s) ON CONFLICT DO NOTHING", name=cat.name
        )

    async def stored(self) -> list[dict[str, Any]]:
        return await self._fetch_all("SELECT name AS said, xid FROM cat UNION ALL SELECT id, xid FROM kitten")

    async def told_of(self) -> list[UUID]:
        return [row["subject"] for row in await self._fetch_all("SELECT subject FROM outbox ORDER BY seq")]

    async def facts(self) -> int:
        return len(await self._fetch_all("SELECT FROM outbox"))


@pytest.fixture
async def cats(database: Database) -> Cats:
    async with database.begin():
        await database.writing_connection().execute(TABLES)
    return Cats(database)


async def test_all_rows_come_at_the_end_and_in_one_transaction(database: Database, cats: Cats) -> None:
    """Rows, those that refer to others too, and facts; what waits for the commit is called once."""
    called: list[str] = []
    tom, kate = Cat(name="Tom"), Cat(name="Kate")
    database.when_events_recorded(lambda: called.append("recorded"))

    async with database.at_once():
        await cats.add(tom)
        await cats.add_kitten(tom, "Kit")
        await cats.add(kate)
        not_called = list(called)

    rows = await cats.stored()
    assert {row["said"] for row in rows} == {"Tom", "Kit", "Kate"}
    assert len({row["xid"] for row in rows}) == 1
    assert (await cats.facts(), tom.version, kate.last_sequence) == (2, 1, 1)
    assert (not_called, called) == ([], ["recorded"])


async def test_facts_keep_the_order_in_which_their_aggregates_were_added(database: Database, cats: Cats) -> None:
    """As in any other unit of work: what follows from something is told of after it."""
    family = [Cat(name=name) for name in ("Tom", "Kate", "Kit", "Kim")]

    async with database.at_once():
        for cat in family:
            await cats.add(cat)

    assert await cats.told_of() == [cat.id for cat in family]


async def test_a_percent_sign_stays_one(database: Database, cats: Cats) -> None:
    """Also before what would be a parameter without it."""
    async with database.at_once():
        await cats.add(tom := Cat(name="Tom"))
        await cats.add_percent(tom)

    assert {row["said"] for row in await cats.stored()} == {"Tom", "100 %(id)s Kit"}


async def test_an_exception_leaves_nothing(database: Database, cats: Cats) -> None:
    """Nothing was sent by then; the pool serves the next one."""
    with suppress(LookupError):
        async with database.at_once():
            await cats.add(Cat(name="Tom"))
            raise LookupError

    assert (await cats.stored(), await cats.facts()) == ([], 0)


async def test_who_is_cancelled_while_it_is_sent_leaves_nothing(database: Database, cats: Cats) -> None:
    """Nothing is stored or told, and the connection serves the next one."""
    told: list[str] = []
    database.when_events_recorded(lambda: told.append("recorded"))
    async with database.begin():  # a cat of the same name that may or may not come to be
        await cats.add(tom := Cat(name="Tom"))
        waiting = asyncio.create_task(add_cats(database, cats, "Tom"), context=Context())
        await eventually(lambda: _somebody_waits(database))
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        not_told = list(told)

    await add_cats(database, cats, "Kate")
    assert (not_told, told) == ([], ["recorded", "recorded"])
    assert {row["said"] for row in await cats.stored()} == {tom.name, "Kate"}
    assert await cats.facts() == 2


async def _somebody_waits(database: Database) -> None:
    query = """
    SELECT count(*) AS waits FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
    """
    row = await (await database.writing_connection().execute(query)).fetchone()
    assert row is not None
    assert row["waits"]


async def test_an_empty_one_is_nothing(database: Database, cats: Cats) -> None:
    """As with `begin`."""
    async with database.at_once():
        pass

    assert await cats.stored() == []


async def test_a_duplicate_is_refused_in_the_words_of_the_domain(database: Database, cats: Cats) -> None:
    """At the end of the block, and of all its rows none stays. Other indexes have no words."""
    async with database.at_once():
        await cats.add(tom := Cat(name="Tom"))
        await cats.add_kitten(tom, "Kit")

    with pytest.raises(NameTaken):
        await add_cats(database, cats, "Kate", "Tom")
    with pytest.raises(UniqueViolation):
        await add_kittens(database, cats, tom, "Kit")

    assert {row["said"] for row in await cats.stored()} == {"Tom", "Kit"}
    assert await cats.facts() == 1


async def test_a_duplicate_is_refused_the_same_in_any_other(database: Database, cats: Cats) -> None:
    """`begin` and `at_once` differ in when."""
    async with database.begin():
        await cats.add(Cat(name="Tom"))
        with pytest.raises(NameTaken):
            async with database.begin():
                await cats.add(Cat(name="Tom"))

    assert len(await cats.stored()) == 1


async def test_inside_another_one_it_is_part_of_that(database: Database, cats: Cats) -> None:
    """It is seen there, a refused one is undone alone, and all of it goes with the outer one."""
    with suppress(LookupError):
        async with database.begin():
            async with database.at_once():
                await cats.add(tom := Cat(name="Tom"))
            with pytest.raises(CheckViolation):
                await add_kittens(database, cats, tom, "Kit", "")
            inside = await cats.stored()
            raise LookupError

    assert [row["said"] for row in inside] == ["Tom"]
    assert await cats.stored() == []


async def add_cats(database: Database, cats: Cats, *names: str) -> None:
    async with database.at_once():
        for name in names:
            await cats.add(Cat(name=name))


async def add_kittens(database: Database, cats: Cats, cat: Cat, *names: str) -> None:
    async with database.at_once():
        for name in names:
            await cats.add_kitten(cat, name)


async def _begin(database: Database) -> None:
    async with database.begin():
        pass


@pytest.mark.parametrize(
    "misuse",
    [
        pytest.param(lambda database, cats, cat: cats.stored(), id="asks"),
        pytest.param(lambda database, cats, cat: cats.rename(cat), id="changes"),
        pytest.param(lambda database, cats, cat: cats.add_asking(cat), id="asks-what-it-added"),
        pytest.param(lambda database, cats, cat: cats.add_unless_there(Cat(name="Tom")), id="may-not-add"),
        pytest.param(lambda database, cats, cat: _begin(database), id="begins-another"),
    ],
)
async def test_all_else_is_refused_in_it(
    database: Database, cats: Cats, misuse: Callable[[Database, Cats, Cat], Awaitable[Any]]
) -> None:
    """What has not been sent cannot be asked for; and a changed row might be another by now."""
    async with database.at_once():
        await cats.add(cat := Cat(name="Tom"))
        with pytest.raises(TransactionMisuse):
            await misuse(database, cats, cat)

    assert len(await cats.stored()) == 1
    assert await cats.facts() == 1
