"""The port of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, NoFilters, Page, PageRequest, Sort

from promenade_order_management.timeline.entity import Entry, Note

TIMELINE = ListOf(Entry, NoFilters, Sort("at", datetime), default="id")


class Timeline(Protocol):
    """Append-only. Who stores an order appends its notes: no change can be saved without them."""

    async def append(self, order_id: UUID, notes: Sequence[Note]) -> None:
        """Write notes down, with the cause of the work at hand."""
        ...

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Entry]:
        """A page of an order's entries, as `TIMELINE` declares the list."""
        ...

    async def all_of(self, order_id: UUID) -> list[Entry]:
        """Every entry of an order, oldest first."""
        ...
