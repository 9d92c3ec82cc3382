"""The port of the timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, NoFilters, Page, PageRequest, Sort

from promenade_customer_management.timeline.entity import TimelineEntry

# In time order, not in that of arrival: an event may come late.
TIMELINE = ListOf(TimelineEntry, NoFilters, Sort("occurred_at", datetime), default="-occurred_at")


class Timeline(Protocol):
    """Append-only."""

    async def append(self, entry: TimelineEntry) -> None:
        """Keep an entry."""
        ...

    async def list(self, customer_id: UUID, page: PageRequest) -> Page[TimelineEntry]:
        """A page of a customer's entries, as `TIMELINE` declares the list."""
        ...
