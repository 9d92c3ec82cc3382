"""Lists in PostgreSQL: the keyset condition, walks beside a writer on a connection of its own, and the plans."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from promenade_chassis.database import Database
from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import ListOf, Page, PageRequest, Place, Sort
from promenade_chassis.repository import BaseRepository
from promenade_chassis.testing.list_contract import in_order
from promenade_chassis.testing.lists import page_in_memory
from promenade_chassis.testing.plans import unsorted_by_index
from promenade_chassis.testing.polling import stretched
from promenade_kernel.values.ids import new_id

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
TABLE = """
CREATE TABLE tea (id uuid PRIMARY KEY, name text NOT NULL, grams bigint NOT NULL,
                  picked_at timestamptz NOT NULL, brewed_at timestamptz);
CREATE INDEX ON tea (name COLLATE "C", id);
CREATE INDEX ON tea (grams, id);
CREATE INDEX ON tea (picked_at, id);
CREATE INDEX ON tea (brewed_at, id);
"""
INSERT = "INSERT INTO tea VALUES (%s, %s, %s, %s, %s)"


@dataclass(frozen=True)
class Tea:
    id: UUID
    name: str
    grams: int
    picked_at: datetime
    brewed_at: datetime | None


@dataclass(frozen=True)
class TeaFilter:
    at_least: int | None = None


TEAS = ListOf(
    Tea,
    TeaFilter,
    Sort("name", str),
    Sort("grams", int),
    Sort("picked_at", datetime),
    Sort("brewed_at", datetime, nullable=True),
)
SELECT: LiteralString = "SELECT * FROM tea WHERE true"
WHERE: dict[str, LiteralString] = {"at_least": "grams >= %(at_least)s"}
SORTS: dict[str, LiteralString] = {name: name for name in ("name", "grams", "picked_at", "brewed_at")}
LIST = ListStatement(TEAS, select=SELECT, where=WHERE, sorts=SORTS)


class Teas(BaseRepository):
    async def list(self, page: PageRequest, wanted: TeaFilter = TeaFilter()) -> Page[Tea]:
        return await self.page_of(LIST, page, wanted)

    async def page_of(
        self, listed: ListStatement[Tea, TeaFilter], page: PageRequest, wanted: TeaFilter = TeaFilter()
    ) -> Page[Tea]:
        rows = await self._fetch_listed(listed, wanted, page)
        return TEAS.cut([Tea(**row) for row in rows], page)


def some(chance: random.Random) -> Tea:
    """A tea like many others: few values, and a third was never brewed."""
    moment = NOW + timedelta(microseconds=chance.randrange(5))
    name = chance.choice(["ada", "Ada", "Zoe", "Åse", "zoe", "👍", "a b", "a-b"])
    return Tea(new_id(), name, chance.randrange(-2, 3), moment, chance.choice([None, moment, NOW]))


async def store(database: Database, teas: list[Tea]) -> None:
    async with (
        database.begin(),
        database.writing_connection().cursor() as cursor,
        cursor.copy("COPY tea FROM STDIN") as rows,
    ):
        for tea in teas:
            await rows.write_row(astuple(tea))


@pytest.fixture
async def teas(database: Database) -> Teas:
    async with database.begin():
        await database.writing_connection().execute(TABLE)  # type: ignore[arg-type]
    return Teas(database)


@pytest.mark.parametrize("word", TEAS.words)
async def test_the_keyset_condition_is_the_order(database: Database, teas: Teas, word: str) -> None:
    """After every row, after every place between rows, for any limit: SQL finds what comparing in Python finds."""
    chance = random.Random(word)
    stored, others = [some(chance) for _ in range(60)], [some(chance) for _ in range(30)]
    await store(database, stored)
    places = [None, *(TEAS.order(word).place_of(tea) for tea in (*stored, *others))]

    for place in places:
        request = PageRequest(chance.randrange(1, 70), place, word)
        assert await teas.list(request) == page_in_memory(TEAS, stored, request), request


async def test_a_filter_is_in_the_statement_when_it_is_asked_for(database: Database, teas: Teas) -> None:
    """Only then: a statement with "or any" for each filter could use no index."""
    chance = random.Random(7)
    stored = [some(chance) for _ in range(60)]
    await store(database, stored)

    for word in TEAS.words:
        page = await teas.list(PageRequest(100, sort=word), TeaFilter(at_least=1))
        assert [tea.id for tea in page.items] == in_order([tea for tea in stored if tea.grams >= 1], word)
    assert all("grams >=" not in text for text in LIST.statements(TeaFilter(), PageRequest()))


ROWS, PAGE = 1003, 25


@pytest.mark.parametrize("word", TEAS.words)
async def test_a_walk_beside_a_writer_misses_and_repeats_nothing(
    database: Database, database_url: str, teas: Teas, word: str
) -> None:
    """1,003 rows, and another connection that inserts and deletes all the time, one commit after the other.

    No row twice, none missed that existed throughout, and those in their order.
    """
    chance = random.Random(word)
    stored = [some(chance) for _ in range(ROWS)]
    await store(database, stored)
    doomed = chance.sample(stored, 400)
    walked, turns = asyncio.Event(), asyncio.Semaphore(0)
    writer = asyncio.create_task(churn(database_url, chance, doomed, turns, walked))

    seen: list[Tea] = []
    after: Place | None = None
    while True:
        # The writer has at least one turn before every page, however fast or slow either of them is.
        await asyncio.wait_for(turns.acquire(), stretched(30))
        page = await teas.list(PageRequest(PAGE, after, word))
        seen += page.items
        after = page.next_after
        if after is None:
            break
    walked.set()
    inserted, deleted = await writer

    ids = [tea.id for tea in seen]
    assert min(inserted, deleted) > 20
    assert len(ids) == len(set(ids))
    kept = {tea.id for tea in stored} - {tea.id for tea in doomed}
    stayed = [tea for tea in stored if tea.id in kept]
    assert [row for row in ids if row in kept] == in_order(stayed, word)


async def churn(
    url: str, chance: random.Random, doomed: list[Tea], turns: asyncio.Semaphore, walked: asyncio.Event
) -> tuple[int, int]:
    """Insert and delete, each in a transaction of its own, until the walk is over; answers how many of each."""
    inserted = deleted = 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not walked.is_set():
            await connection.execute(INSERT, astuple(some(chance)))
            inserted += 1
            if deleted < len(doomed):
                await connection.execute("DELETE FROM tea WHERE id = %s", [doomed[deleted].id])
                deleted += 1
            turns.release()
    return inserted, deleted


class Interrupted(ListStatement[Tea, TeaFilter]):
    """Somebody else changes the table between the two statements of a page."""

    change: Callable[[], object]

    def statements(self, wanted: TeaFilter, page: PageRequest) -> Sequence[LiteralString]:
        return ChangeBetween(super().statements(wanted, page), self.change)


class ChangeBetween(list[LiteralString]):
    def __init__(self, statements: Sequence[LiteralString], change: Callable[[], object]) -> None:
        super().__init__(statements)
        self._change = change

    def __iter__(self) -> Iterator[LiteralString]:
        yield self[0]
        self._change()
        yield from self[1:]


async def test_a_row_that_loses_its_value_within_a_page_ends_no_list(
    database: Database, database_url: str, teas: Teas
) -> None:
    """Seen with its value and again among those without, it takes nobody's place: the list goes on after it."""
    brewed, *others = [Tea(new_id(), "Ada", 1, NOW, NOW if number == 0 else None) for number in range(4)]
    await store(database, [brewed, *others])
    interrupted = Interrupted(TEAS, select=SELECT, where=WHERE, sorts=SORTS)
    interrupted.change = partial(unbrew, database_url, brewed)

    page = await teas.page_of(interrupted, PageRequest(2, sort="brewed_at"))

    assert page.next_after is not None
    rest = await teas.list(PageRequest(100, page.next_after, "brewed_at"))
    assert {tea.id for tea in (*page.items, *rest.items)} == {tea.id for tea in (brewed, *others)}


def unbrew(url: str, tea: Tea) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE tea SET brewed_at = NULL WHERE id = %s", [tea.id])


VALUES: dict[str, Any] = {"name": "Ada", "grams": 1, "picked_at": NOW, "brewed_at": NOW}


async def test_an_index_has_every_sort_ready(database: Database, database_url: str, teas: Teas) -> None:
    """No page is sorted, wherever it begins; without the index it is, or this would show nothing."""
    found = unsorted_by_index(database_url, LIST, TeaFilter(), VALUES)
    async with database.begin():
        await database.writing_connection().execute('DROP INDEX "tea_brewed_at_id_idx"')
    without = unsorted_by_index(database_url, LIST, TeaFilter(), VALUES)

    assert found == set()
    assert without == {"brewed_at", "-brewed_at"}


@pytest.mark.parametrize("word", TEAS.words)
async def test_a_page_reads_no_more_than_it_shows(database: Database, database_url: str, teas: Teas, word: str) -> None:
    """Deep in a list as at its beginning: the index is entered at the place."""
    chance = random.Random(word)
    stored = [some(chance) for _ in range(5000)]
    await store(database, stored)
    middle = page_in_memory(TEAS, stored, PageRequest(100, sort=word)).items[-1]
    page = PageRequest(PAGE, TEAS.order(word).place_of(middle), word)

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE tea")
        statement = LIST.statements(TeaFilter(), page)[0]
        explained = connection.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + statement, LIST.parameters(TeaFilter(), page)
        ).fetchone()

    assert explained is not None
    nodes = list(nodes_of(explained[0][0]["Plan"]))
    assert [node["Node Type"] for node in nodes] == ["Limit", "Index Scan"]
    assert nodes[1]["Actual Rows"] == PAGE + 1
    assert nodes[1].get("Rows Removed by Filter", 0) == 0


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes_of(child))]
