"""Revocations in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository

from promenade_identity.revocation.entity import Backlog, Revocation, RevocationKind
from promenade_identity.revocation.repository import Announcements

_ADD = """
WITH counter AS (UPDATE revocation_counter SET number = number + 1 RETURNING number)
INSERT INTO revocation (number, kind, subject, value, expires_at)
SELECT number, %(kind)s, %(subject)s, %(value)s, %(expires_at)s FROM counter
"""
_NEWEST = "SELECT number FROM revocation_counter"
# One statement, one snapshot: the number and what is below it belong together.
_AFTER = """
SELECT counter.number AS newest, revocation.*
FROM revocation_counter AS counter
LEFT JOIN revocation ON revocation.number > %(number)s AND revocation.expires_at > %(now)s
ORDER BY revocation.number
"""
_DROP_EXPIRED = "DELETE FROM revocation WHERE expires_at <= %(now)s"


class PostgresRevocations(BaseRepository):
    """The revocations of the service's own database."""

    async def add(self, revocation: Revocation) -> None:
        """Store a revocation under the next number."""
        await self._execute(
            _ADD,
            kind=revocation.kind,
            subject=revocation.subject,
            value=revocation.value,
            expires_at=revocation.expires_at,
        )

    async def newest(self) -> int:
        """The number of the newest revocation; 0 before the first."""
        row = await self._fetch_one(_NEWEST)
        return int(row["number"]) if row else 0

    async def after(self, number: int, now: datetime) -> Backlog:
        """What came after a number and has not expired."""
        rows = await self._fetch_all(_AFTER, number=number, now=now)
        found = tuple(
            Revocation(RevocationKind(row["kind"]), row["subject"], row["value"], row["expires_at"])
            for row in rows
            if row["kind"] is not None
        )
        return Backlog(int(rows[0]["newest"]), found)

    async def drop_expired(self, now: datetime) -> None:
        """Forget revocations that have nothing left to revoke."""
        await self._execute(_DROP_EXPIRED, now=now)


class CommittedAnnouncements:
    """Announces when the transaction around it has committed: under an Idempotency-Key a use case runs inside another.

    Announced before, the number of a revocation that is rolled back would stand in the mark, and hide the one that
    gets the number next.
    """

    def __init__(self, announcements: Announcements, database: Database) -> None:
        self._announcements = announcements
        self._database = database

    async def announce(self) -> None:
        """Bring it up to date, now or right after the commit; the answer waits for either."""
        if self._database.in_transaction():
            self._database.on_commit(self._announcements.announce)
        else:
            await self._announcements.announce()
