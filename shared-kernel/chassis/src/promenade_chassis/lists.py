"""A declared list in SQL: only what is asked for stands in the statement, and a page is one range of an index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, LiteralString, TypeVar

from promenade_chassis.ports import ListOf, Ordering, PageRequest, Place

Item = TypeVar("Item")
Wanted = TypeVar("Wanted")

_CASTS: Mapping[type, LiteralString] = {str: "text", int: "bigint", datetime: "timestamptz"}


class IncompleteList(RuntimeError):
    """The SQL of a list is not what the list declares: the service does not start."""


@dataclass(frozen=True, slots=True)
class _Column:
    """What a list is sorted by: the expression, the type of its parameter, and which rows have a value."""

    sql: LiteralString
    cast: LiteralString
    nullable: bool


class ListStatement(Generic[Item, Wanted]):
    """The SELECT of a list.

    `select` ends in its WHERE, `where` has the condition of each filter with a parameter of the filter's name, `sorts`
    the column of each sort, `row_id` that of the id. Raises `IncompleteList` where these differ from the declaration.
    Text is sorted by the collation "C", so an index for it says `(name COLLATE "C", id)`; for others `(column, id)`.
    """

    def __init__(
        self,
        declared: ListOf[Item, Wanted],
        *,
        select: LiteralString,
        where: Mapping[str, LiteralString],
        sorts: Mapping[str, LiteralString],
        row_id: LiteralString = "id",
    ) -> None:
        if set(where) != set(declared.filter_names) or set(sorts) != {sort.name for sort in declared.sorts}:
            raise IncompleteList(f"list of {declared.items.__name__}: filters or sorts differ from the declaration")
        self.declared = declared
        self._select: LiteralString = select
        self._where = where
        self._id: LiteralString = row_id
        self._columns = {sort.name: _column(sorts[sort.name], sort.kind, sort.nullable) for sort in declared.sorts}

    def parameters(self, wanted: Wanted, page: PageRequest) -> dict[str, Any]:
        """The values of the statements' parameters; `limit` is the page's."""
        asked = {name: getattr(wanted, name) for name in self._where}
        place = page.after
        return {**asked, "after_id": place and place.id, "after_value": place and place.value, "limit": page.limit}

    def statements(self, wanted: Wanted, page: PageRequest) -> Sequence[LiteralString]:
        """What to run, one after the other until there are `limit + 1` rows.

        Two where rows may lack a sort value: first those that have one, then the others. In one statement no index
        could serve both.
        """
        base: LiteralString = self._select
        for name, condition in self._where.items():
            if getattr(wanted, name) is not None:
                base += " AND " + condition
        order, after = self.declared.order(page.sort), page.after
        if order.sort is None:
            return [base + self._by_id(order, after)]
        column = self._columns[order.sort.name]
        if after is not None and after.value is None:
            return [base + self._without_value(column, order, after)]
        first = base + self._with_value(column, order, after)
        return [first, base + self._without_value(column, order, None)] if column.nullable else [first]

    def _by_id(self, order: Ordering, after: Place | None) -> LiteralString:
        beyond: LiteralString = f" AND {self._id} {_beyond(order)} %(after_id)s" if after else ""
        return beyond + f" ORDER BY {self._id} {_direction(order)} LIMIT %(limit)s + 1"

    def _with_value(self, column: _Column, order: Ordering, after: Place | None) -> LiteralString:
        there: LiteralString = f" AND {column.sql} IS NOT NULL" if column.nullable else ""
        place: LiteralString = f"(%(after_value)s::{column.cast}, %(after_id)s)"
        beyond: LiteralString = f" AND ({column.sql}, {self._id}) {_beyond(order)} {place}" if after else ""
        return there + beyond + self._sorted(column, order)

    def _without_value(self, column: _Column, order: Ordering, after: Place | None) -> LiteralString:
        beyond: LiteralString = f" AND {self._id} {_beyond(order)} %(after_id)s" if after else ""
        # Sorted by the column too, which changes nothing: so the planner sees that the index has this order.
        return f" AND {column.sql} IS NULL" + beyond + self._sorted(column, order)

    def _sorted(self, column: _Column, order: Ordering) -> LiteralString:
        direction = _direction(order)
        return f" ORDER BY {column.sql} {direction}, {self._id} {direction} LIMIT %(limit)s + 1"


def _column(sql: LiteralString, kind: type, nullable: bool) -> _Column:
    collated: LiteralString = f'{sql} COLLATE "C"' if kind is str else sql
    return _Column(collated, _CASTS[kind], nullable)


def _direction(order: Ordering) -> LiteralString:
    return "DESC" if order.descending else "ASC"


def _beyond(order: Ordering) -> LiteralString:
    return "<" if order.descending else ">"
