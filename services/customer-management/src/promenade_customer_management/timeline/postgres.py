"""The timeline in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NoFilters, Page, PageRequest
from promenade_chassis.repository import BaseRepository
from psycopg.types.json import Jsonb

from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import TIMELINE

_APPEND = """
INSERT INTO timeline_entry (id, customer_id, kind, summary, data, occurred_at, actor, cause)
VALUES (%(id)s, %(customer_id)s, %(kind)s, %(summary)s, %(data)s, %(occurred_at)s, %(actor)s, %(cause)s)
"""
LIST = ListStatement(
    TIMELINE,
    select="SELECT * FROM timeline_entry WHERE customer_id = %(customer_id)s",
    where={},
    sorts={"occurred_at": "occurred_at"},
)


class PostgresTimeline(BaseRepository):
    """One row an entry."""

    async def append(self, entry: TimelineEntry) -> None:
        """Keep an entry."""
        await self._add(
            _APPEND,
            id=entry.id,
            customer_id=entry.customer_id,
            kind=entry.kind,
            summary=entry.summary,
            data=Jsonb(entry.data),
            occurred_at=entry.occurred_at,
            actor=entry.actor,
            cause=entry.cause,
        )

    async def list(self, customer_id: UUID, page: PageRequest) -> Page[TimelineEntry]:
        """A page of a customer's entries, as `TIMELINE` declares the list."""
        rows = await self._fetch_listed(LIST, NoFilters(), page, customer_id=customer_id)
        return TIMELINE.cut([TimelineEntry(**row) for row in rows], page)
