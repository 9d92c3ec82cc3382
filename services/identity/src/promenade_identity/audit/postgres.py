"""The audit trail in PostgreSQL, where a trigger refuses every change to it."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from psycopg.types.json import Jsonb

from promenade_identity.audit.entity import Action, Details, Entry, Origin, done
from promenade_identity.audit.repository import TRAIL, EntryFilter

LIST = ListStatement(
    TRAIL,
    select="SELECT * FROM audit_entry WHERE true",
    where={
        "actor": "actor = %(actor)s",
        "subject": "subject = %(subject)s",
        "action": "action = %(action)s",
        "outcome": "outcome = %(outcome)s",
        "from_": "at >= %(from_)s",
        "to": "at < %(to)s",
    },
    sorts={"at": "at"},
)
_INSERT = """
INSERT INTO audit_entry (id, at, action, outcome, status, actor, subject, session_id, ip, device, request_id, details)
VALUES (%(id)s, %(at)s, %(action)s, %(outcome)s, %(status)s, %(actor)s, %(subject)s, %(session_id)s, %(ip)s,
        %(device)s, %(request_id)s, %(details)s)
"""


class PostgresTrail(BaseRepository):
    """Both ports: what takes down and what reads."""

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        """Take down a success in the running transaction."""
        await self.add(done(action, actor=actor, subject=subject, details=details))

    async def add(self, entry: Entry) -> None:
        """Store an entry in the running transaction."""
        await self._execute(
            _INSERT,
            id=entry.id,
            at=entry.at,
            action=entry.action,
            outcome=entry.outcome,
            status=entry.status,
            actor=entry.actor,
            subject=entry.subject,
            details=Jsonb(dict(entry.details)),
            **asdict(entry.origin),
        )

    async def list(self, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        """A page of the entries, as `TRAIL` declares the list."""
        return TRAIL.cut([_to_entry(row) for row in await self._fetch_listed(LIST, wanted, page)], page)


def _to_entry(row: Row) -> Entry:
    origin = {name: row.pop(name) for name in Origin.__dataclass_fields__}
    return Entry(origin=Origin(**origin), **row)
