"""The port of the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import Page, PageRequest

from promenade_order_management.timeline.entity import Entry, Note


class Timeline(Protocol):
    """Append-only. Who stores an order appends its notes: no change can be saved without them."""

    async def append(self, order_id: UUID, notes: Sequence[Note]) -> None:
        """Write notes down, with the cause of the work at hand."""
        ...

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Entry]:
        """An order's entries, oldest first."""
        ...

    async def all_of(self, order_id: UUID) -> list[Entry]:
        """Every entry of an order, oldest first."""
        ...
