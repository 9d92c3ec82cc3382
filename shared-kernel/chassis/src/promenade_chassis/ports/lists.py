"""What a list can be asked for, declared once: parameters, documentation, SQL and fakes all follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from promenade_chassis.ports.errors import BadRequest
from promenade_chassis.ports.paging import Page, PageRequest, Place, SortValue

Item = TypeVar("Item")
Wanted = TypeVar("Wanted")


class UnknownSort(BadRequest):
    """The list cannot be sorted that way."""

    slug = "unknown-sort"
    title = "The list cannot be sorted by this"
    advice = "`detail` names what it can be sorted by."


@dataclass(frozen=True, slots=True)
class NoFilters:
    """Of a list that cannot be narrowed."""


@dataclass(frozen=True, slots=True)
class Sort:
    """A field a list can be sorted by: an attribute of its items. Items without a value stand last, in both directions.

    Text is compared by code point, so that no operating system has a say in it.
    """

    name: str
    kind: type[str | int | datetime]
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Ordering:
    """A way to sort a list; among equal values the ids decide, in the same direction. `sort` None: the ids alone."""

    sort: Sort | None
    descending: bool

    @property
    def word(self) -> str:
        """As it stands in `?sort=`: `name`, `-name`."""
        return ("-" if self.descending else "") + (self.sort.name if self.sort else "id")

    def place_of(self, item: Any) -> Place:
        """Where an item stands."""
        return Place(item.id, self._value_of(item))

    def is_whole(self, place: Place) -> bool:
        """Whether an item of this list can stand there."""
        if self.sort is None or place.value is None:
            return place.value is None and (self.sort is None or self.sort.nullable)
        return isinstance(place.value, self.sort.kind)

    def _value_of(self, item: Any) -> SortValue | None:
        value = getattr(item, self.sort.name) if self.sort else None
        # A text value of the kernel is more than its text.
        return str(value) if isinstance(value, str) else value


class ListOf(Generic[Item, Wanted]):
    """A list: what it can be narrowed by, and what it can be sorted by.

    `filters` is a dataclass, a field of it a query parameter of that name; None means any. `own` names the one that is
    no parameter: the use case sets it to show a user his own. Every list can be sorted by `id`, the order of creation.
    """

    def __init__(
        self, items: type[Item], filters: type[Wanted], *sorts: Sort, default: str = "-id", own: str | None = None
    ) -> None:
        self.items = items
        self.filters = filters
        self.own = own
        self.sorts = sorts
        self._orders = {
            order.word: order for sort in (None, *sorts) for order in (Ordering(sort, False), Ordering(sort, True))
        }
        self.default = self.order(default).word

    @property
    def words(self) -> tuple[str, ...]:
        """What `?sort=` may say."""
        return tuple(self._orders)

    @property
    def filter_names(self) -> tuple[str, ...]:
        """Every filter, `own` included."""
        return tuple(field.name for field in fields(self.filters))  # type: ignore[arg-type]

    def order(self, word: str | None) -> Ordering:
        """The order of that name, the default for None; raises `UnknownSort`."""
        try:
            return self._orders[self.default if word is None else word]
        except KeyError:
            raise UnknownSort(f"`sort` is one of {', '.join(self._orders)}") from None

    def cut(self, found: Sequence[Item], request: PageRequest) -> Page[Item]:
        """Make a page of up to `limit + 1` items found: the one too many tells that there is more."""
        kept = tuple(found[: request.limit])
        more = len(found) > request.limit
        return Page(kept, self.order(request.sort).place_of(kept[-1]) if more else None)
