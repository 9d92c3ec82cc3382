"""Keyset paging."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`limit` rows (1-100) after the row whose id is `after`, newest first."""

    limit: int = 25
    after: UUID | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page; `next_after` is the id to go on after, None on the last page."""

    items: tuple[Item, ...]
    next_after: UUID | None = None

    def map(self, convert: Callable[[Item], Other]) -> Page[Other]:
        """The same page of something else."""
        return Page(items=tuple(convert(item) for item in self.items), next_after=self.next_after)


def cut_page(rows: Sequence[Item], request: PageRequest, id_of: Callable[[Item], UUID]) -> Page[Item]:
    """Make a page of up to `limit + 1` rows read: the one too many tells that there is more."""
    kept = tuple(rows[: request.limit])
    more = len(rows) > request.limit
    return Page(items=kept, next_after=id_of(kept[-1]) if more else None)
