"""What every list promises, on fakes and on PostgreSQL alike. A test module inherits it and makes the rig."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from promenade_chassis.ports import ListOf, Page, PageRequest, Place

ROWS = 11


@dataclass
class ListRig:
    """A list under test.

    `add` stores a row and answers its id; its number decides the sort values, so that some are equal and some missing.
    `remove` takes a row away again, None where nothing can be. `unique` are the sorts that no two rows are equal in.
    """

    declared: ListOf[Any, Any]
    page: Callable[[PageRequest], Awaitable[Page[Any]]]
    add: Callable[[int], Awaitable[UUID]]
    remove: Callable[[UUID], Awaitable[None]] | None = None
    unique: frozenset[str] = frozenset()
    _added: int = field(default=0, init=False)

    async def fill(self, rows: int = ROWS) -> list[UUID]:
        """Add some rows."""
        return [await self.add_one() for _ in range(rows)]

    async def add_one(self) -> UUID:
        """Add the next row."""
        self._added += 1
        return await self.add(self._added)

    async def all(self, word: str) -> list[Any]:
        """The whole list, in one page."""
        page = await self.page(PageRequest(limit=100, sort=word))
        assert page.next_after is None
        return list(page.items)

    async def walk(self, word: str, limit: int, between: Callable[[list[UUID]], Awaitable[None]]) -> list[UUID]:
        """The ids of all pages; `between` two of them something happens."""
        seen: list[UUID] = []
        after: Place | None = None
        for _ in range(200):
            page = await self.page(PageRequest(limit, after, word))
            assert len(page.items) <= limit
            seen += [item.id for item in page.items]
            after = page.next_after
            if after is None:
                return seen
            await between(seen)
        raise AssertionError("the walk has no end")


class ListContract:
    """Every sort of a list, both ways."""

    async def test_the_example_has_equal_and_missing_values(self, list_rig: ListRig) -> None:
        """Or the other tests would show little: a rig's rows are equal in each sort, and lack what may be missing."""
        await list_rig.fill()

        for sort in list_rig.declared.sorts:
            values = [getattr(item, sort.name) for item in await list_rig.all(sort.name)]
            assert (len(set(values)) == len(values)) == (sort.name in list_rig.unique), sort.name
            assert len(set(values)) > 1, sort.name
            assert (None in values) == sort.nullable, sort.name

    async def test_a_sort_is_what_it_says(self, list_rig: ListRig) -> None:
        """By value and then by id, both ways; what has no value comes last, whichever way."""
        added = await list_rig.fill()

        for word in list_rig.declared.words:
            found = await list_rig.all(word)
            assert [item.id for item in found] == in_order(found, word), word
            assert sorted(item.id for item in found) == sorted(added), word

    async def test_no_sort_means_the_default(self, list_rig: ListRig) -> None:
        """As it stands in the OpenAPI document."""
        await list_rig.fill()

        page = await list_rig.page(PageRequest(limit=100))

        assert list(page.items) == await list_rig.all(list_rig.declared.default)

    async def test_pages_make_the_whole(self, list_rig: ListRig) -> None:
        """However many go on a page, also where rows without a value begin in the middle of one."""
        await list_rig.fill()

        async def nothing(_: list[UUID]) -> None: ...

        for word in list_rig.declared.words:
            whole = [item.id for item in await list_rig.all(word)]
            for limit in (1, 2, 3, ROWS - 1, ROWS, ROWS + 1):
                assert await list_rig.walk(word, limit, nothing) == whole, (word, limit)

    async def test_a_walk_is_steady_while_rows_come_and_go(self, list_rig: ListRig) -> None:
        """None twice, and none missed that was there throughout; the row a page ended with may be gone."""
        there = set(await list_rig.fill())

        for word in list_rig.declared.words:
            gone: set[UUID] = set()
            changes = _Changes(list_rig, gone)
            seen = await list_rig.walk(word, 2, changes.make)
            assert len(seen) == len(set(seen)), word
            assert there - gone <= set(seen), word
            there = (there | set(changes.added)) - gone


@dataclass
class _Changes:
    """Adds a row after each of the first pages, and removes the one that the page ended with."""

    rig: ListRig
    gone: set[UUID]
    added: list[UUID] = field(default_factory=list[UUID])

    async def make(self, seen: list[UUID]) -> None:
        if len(self.added) == 4:
            return
        self.added.append(await self.rig.add_one())
        if self.rig.remove is not None:
            await self.rig.remove(seen[-1])
            self.gone.add(seen[-1])


def in_order(items: Sequence[Any], word: str) -> list[UUID]:
    """The ids in the order that a word names: said another way than fakes and SQL say it."""
    name, descending = word.removeprefix("-"), word.startswith("-")
    ids = sorted((item.id for item in items), reverse=descending)
    values = {item.id: getattr(item, name) for item in items} if name != "id" else dict.fromkeys(ids, 0)
    # By id first, then by value: sorting is stable, also backwards.
    there = [row for row in ids if values[row] is not None]
    there.sort(key=lambda row: values[row], reverse=descending)
    return there + [row for row in ids if values[row] is None]
