"""Mails in PostgreSQL, sealed until they are sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values import codec

from promenade_identity.mail.entity import Mail, Waiting, WaitingMail
from promenade_identity.sealing import Seal, SealBroken

_QUEUE = """
INSERT INTO mail (id, sealed, created_at, next_at) VALUES (%(id)s, %(sealed)s, %(created_at)s, %(created_at)s)
"""
_TAKE = """
SELECT id, sealed, created_at, attempts FROM mail
WHERE sent_at IS NULL AND refused_at IS NULL AND next_at <= %(now)s
ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_WAITING = "SELECT count(*), min(created_at) AS since FROM mail WHERE sent_at IS NULL AND refused_at IS NULL"
_FORGET = """
DELETE FROM mail
WHERE id IN (SELECT id FROM mail WHERE coalesce(sent_at, refused_at) < %(before)s LIMIT %(limit)s)
"""
_MARK_SENT = "UPDATE mail SET sent_at = %(now)s, sealed = NULL WHERE id = %(id)s"
_POSTPONE = "UPDATE mail SET attempts = attempts + 1, next_at = %(until)s, last_error = %(error)s WHERE id = %(id)s"
_GIVE_UP = "UPDATE mail SET refused_at = %(now)s, sealed = NULL, last_error = %(error)s WHERE id = %(id)s"
LONGEST_ERROR = 500


class PostgresMails(BaseRepository):
    """The mails of the service's own database; `when_queued` is called after the commit."""

    def __init__(self, database: Database, seal: Seal, when_queued: Callable[[], None] | None = None) -> None:
        super().__init__(database)
        self._seal = seal
        self._when_queued = when_queued

    async def queue(self, mail: Mail) -> None:
        """Keep a mail for the sender; its text is sealed with the service's key until it is sent."""
        sealed = self._seal.close(codec.encode(mail), str(mail.id))
        await self._execute(_QUEUE, id=mail.id, sealed=sealed, created_at=mail.created_at)
        if self._when_queued is not None:
            self._database.on_commit(self._when_queued)

    async def take(self, now: datetime) -> WaitingMail | None:
        """The mail that is due longest, held until the transaction ends; those held by others are left."""
        row = await self._write_one(_TAKE, now=now)
        if row is None:
            return None
        return WaitingMail(row["id"], row["created_at"], row["attempts"], self._opened(row))

    async def waiting(self) -> Waiting:
        """How many mails are neither sent nor given up."""
        row = await self._fetch_one(_WAITING)
        return Waiting(row["count"], row["since"]) if row else Waiting(0, None)

    async def forget_done(self, before: datetime, limit: int) -> int:
        """Drop rows of mails that were sent or given up before a moment; answers how many."""
        return await self._execute(_FORGET, before=before, limit=limit)

    async def mark_sent(self, mail_id: UUID, now: datetime) -> None:
        """The server has it: note when, erase what it said."""
        await self._execute(_MARK_SENT, id=mail_id, now=now)

    async def postpone(self, mail_id: UUID, until: datetime, error: str) -> None:
        """Count an attempt that failed."""
        await self._execute(_POSTPONE, id=mail_id, until=until, error=error[:LONGEST_ERROR])

    async def give_up(self, mail_id: UUID, now: datetime, error: str) -> None:
        """Nobody will ever take it: note why, erase what it said."""
        await self._execute(_GIVE_UP, id=mail_id, now=now, error=error[:LONGEST_ERROR])

    def _opened(self, row: Row) -> Mail | None:
        try:
            content = self._seal.open(bytes(row["sealed"]), str(row["id"]))
        except SealBroken:
            return None
        return codec.decode(content, Mail)
