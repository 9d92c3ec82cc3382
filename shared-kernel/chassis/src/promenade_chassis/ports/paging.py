"""Keyset paging: a page goes on after a place, not after a number of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

Item = TypeVar("Item")
Other = TypeVar("Other")
SortValue = str | int | datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands in a list: its sort value and, among equal ones, its id.

    `value` is None for a row that has none, and in lists sorted by id alone.
    """

    id: UUID
    value: SortValue | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` rows (1-100) after a place. `sort` is one of the list's words (`-created_at`), None its default."""

    limit: int = 25
    after: Place | None = None
    sort: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page; `next_after` is the place to go on after, None on the last page."""

    items: tuple[Item, ...]
    next_after: Place | None = None

    def map(self, convert: Callable[[Item], Other]) -> Page[Other]:
        """The same page of something else."""
        return Page(items=tuple(convert(item) for item in self.items), next_after=self.next_after)
