"""How PostgreSQL would answer a list: whether an index does the sorting."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import tuple_row

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import PageRequest, Place

Item = TypeVar("Item")
Wanted = TypeVar("Wanted")


def unsorted_by_index(
    url: str, listed: ListStatement[Item, Wanted], wanted: Wanted, values: dict[str, Any], **named: Any
) -> set[str]:
    """The sorts whose pages no index has ready, of the first page and of one after a place with these sort values.

    Whatever stands in the table: the planner is told to avoid sorting and reading everything where it can.
    """
    row = UUID(int=1)
    with psycopg.connect(url, autocommit=True, row_factory=tuple_row) as connection:
        connection.execute("SET enable_sort = off")
        connection.execute("SET enable_incremental_sort = off")
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        found: set[str] = set()
        for word in listed.declared.words:
            value = values.get(word.removeprefix("-"))
            for after in (None, Place(row, value), Place(row, None)):
                page = PageRequest(25, after, word)
                if after is None or listed.declared.order(word).is_whole(after):
                    plans = _plans(connection, listed, wanted, page, named)
                    found |= {word} if any("Sort" in plan for plan in plans) else set()
    return found


def _plans(
    connection: psycopg.Connection[tuple[Any, ...]],
    listed: ListStatement[Item, Wanted],
    wanted: Wanted,
    page: PageRequest,
    named: dict[str, Any],
) -> list[str]:
    """The plans of a page's statements, as text."""
    values = {**named, **listed.parameters(wanted, page)}
    return [
        "\n".join(line for (line,) in connection.execute("EXPLAIN " + statement, values).fetchall())
        for statement in listed.statements(wanted, page)
    ]
