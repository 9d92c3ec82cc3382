"""The timeline in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NoFilters, Page, PageRequest, current_cause
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values.ids import new_id
from psycopg.types.json import Jsonb

from promenade_order_management.timeline.entity import Entry, Note
from promenade_order_management.timeline.repository import TIMELINE

_APPEND = """
INSERT INTO timeline_entry (id, order_id, kind, at, actor, cause, correlation_id, facts)
SELECT note.id, %(id)s, note.kind, note.at, %(actor)s, %(cause)s, %(correlation_id)s, note.facts
FROM jsonb_to_recordset(%(notes)s) AS note (id uuid, kind text, at timestamptz, facts jsonb)
"""
_OF_ORDER = "SELECT * FROM timeline_entry WHERE order_id = %(order_id)s"
LIST = ListStatement(TIMELINE, select=_OF_ORDER, where={}, sorts={"at": "at"})
_ALL = _OF_ORDER + " ORDER BY id"


class PostgresTimeline(BaseRepository):
    """The entries in the service's own database."""

    async def append(self, order_id: UUID, notes: Sequence[Note]) -> None:
        """Write notes down, with the cause of the work at hand."""
        if notes:
            await self._execute(_APPEND, id=order_id, **self.parameters(notes))

    def with_notes(self, statement: LiteralString) -> LiteralString:
        """The statement that stores the order `%(id)s`, which then appends notes, too."""
        return f"WITH noted AS ({_APPEND})\n{statement.strip()}"

    def parameters(self, notes: Sequence[Note]) -> Row:
        """What appending takes besides the order's id."""
        cause = current_cause()
        return {
            "actor": cause.actor,
            "cause": cause.causation_id,
            "correlation_id": cause.correlation_id,
            "notes": Jsonb([_to_plain(note) for note in notes]),
        }

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Entry]:
        """A page of an order's entries, as `TIMELINE` declares the list."""
        rows = await self._fetch_listed(LIST, NoFilters(), page, order_id=order_id)
        return TIMELINE.cut([_to_entry(row) for row in rows], page)

    async def all_of(self, order_id: UUID) -> list[Entry]:
        """Every entry of an order, oldest first."""
        return [_to_entry(row) for row in await self._fetch_all(_ALL, order_id=order_id)]


def _to_plain(note: Note) -> Row:
    return {"id": str(new_id()), "kind": note.kind, "at": note.at.isoformat(), "facts": dict(note.facts)}


def _to_entry(row: Row) -> Entry:
    return Entry(
        id=row["id"],
        order_id=row["order_id"],
        kind=row["kind"],
        at=row["at"],
        actor=row["actor"],
        cause=row["cause"],
        correlation_id=row["correlation_id"],
        facts=row["facts"],
    )
