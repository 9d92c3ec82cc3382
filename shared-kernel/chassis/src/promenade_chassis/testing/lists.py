"""Sorting and paging as PostgreSQL does it, for fakes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from promenade_chassis.ports import ListOf, Ordering, Page, PageRequest, Place

Item = TypeVar("Item")


def page_in_memory(declared: ListOf[Item, Any], items: Iterable[Item], request: PageRequest) -> Page[Item]:
    """The page of a list that consists of these items."""
    order = declared.order(request.sort)
    placed = [(order.place_of(item), item) for item in items]
    if request.after is not None:
        after = request.after
        placed = [(place, item) for place, item in placed if is_beyond(place, after, order)]
    with_value = sorted((each for each in placed if each[0].value is not None), key=_rank, reverse=order.descending)
    without = sorted((each for each in placed if each[0].value is None), key=_rank, reverse=order.descending)
    return declared.cut([item for _, item in (*with_value, *without)][: request.limit + 1], request)


def is_beyond(place: Place, after: Place, order: Ordering) -> bool:
    """Whether a place comes after another one; those without a value come last, whatever the direction."""
    if (place.value is None) != (after.value is None):
        return place.value is None
    mine, others = _key(place), _key(after)
    return mine < others if order.descending else mine > others


def _rank(placed: tuple[Place, Any]) -> tuple[Any, ...]:
    return _key(placed[0])


def _key(place: Place) -> tuple[Any, ...]:
    # Without a value the ids alone decide, as they do among equal values.
    return (place.id,) if place.value is None else (place.value, place.id)
