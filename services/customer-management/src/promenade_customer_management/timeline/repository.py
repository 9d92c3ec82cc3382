"""The port of the timeline."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import Page, PageRequest

from promenade_customer_management.timeline.entity import TimelineEntry


class Timeline(Protocol):
    """Append-only."""

    async def append(self, entry: TimelineEntry) -> None:
        """Keep an entry."""
        ...

    async def list(self, customer_id: UUID, page: PageRequest) -> Page[TimelineEntry]:
        """A customer's entries, newest first."""
        ...
