"""The timeline in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import Page, PageRequest, cut_page
from promenade_chassis.repository import BaseRepository
from psycopg.types.json import Jsonb

from promenade_customer_management.timeline.entity import TimelineEntry

_APPEND = """
INSERT INTO timeline_entry (id, customer_id, kind, summary, data, occurred_at, actor, cause)
VALUES (%(id)s, %(customer_id)s, %(kind)s, %(summary)s, %(data)s, %(occurred_at)s, %(actor)s, %(cause)s)
"""
# The cursor names an entry; the page goes on after its time and, among equal times, its id.
_LIST = """
SELECT * FROM timeline_entry
WHERE customer_id = %(customer_id)s
  AND (%(after)s::uuid IS NULL
       OR (occurred_at, id) <
          (SELECT occurred_at, id FROM timeline_entry WHERE id = %(after)s AND customer_id = %(customer_id)s))
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s + 1
"""


class PostgresTimeline(BaseRepository):
    """One row an entry."""

    async def append(self, entry: TimelineEntry) -> None:
        """Keep an entry."""
        await self._execute(
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
        """A customer's entries, newest first."""
        rows = await self._fetch_all(_LIST, customer_id=customer_id, after=page.after, limit=page.limit)
        return cut_page([TimelineEntry(**row) for row in rows], page, lambda entry: entry.id)
