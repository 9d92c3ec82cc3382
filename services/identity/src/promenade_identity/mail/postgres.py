"""Mails in PostgreSQL, sealed until they are sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository
from promenade_kernel.values import codec

from promenade_identity.mail.entity import Mail, WaitingMail
from promenade_identity.sealing import Seal

_QUEUE = """
INSERT INTO mail (id, sealed, created_at, next_at) VALUES (%(id)s, %(sealed)s, %(created_at)s, %(created_at)s)
"""
_TAKE = """
SELECT id, sealed, attempts FROM mail
WHERE sent_at IS NULL AND refused_at IS NULL AND next_at <= %(now)s
ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
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
        """The mail that is due and waits longest, held until the transaction ends; those held by others are left."""
        row = await self._write_one(_TAKE, now=now)
        if row is None:
            return None
        content = self._seal.open(bytes(row["sealed"]), str(row["id"]))
        return WaitingMail(codec.decode(content, Mail), row["attempts"])

    async def mark_sent(self, mail_id: UUID, now: datetime) -> None:
        """The server has it: note when, erase what it said."""
        await self._execute(_MARK_SENT, id=mail_id, now=now)

    async def postpone(self, mail_id: UUID, until: datetime, error: str) -> None:
        """Count an attempt that failed."""
        await self._execute(_POSTPONE, id=mail_id, until=until, error=error[:LONGEST_ERROR])

    async def give_up(self, mail_id: UUID, now: datetime, error: str) -> None:
        """Nobody will ever take it: note why, erase what it said."""
        await self._execute(_GIVE_UP, id=mail_id, now=now, error=error[:LONGEST_ERROR])
