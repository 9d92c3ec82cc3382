"""Codes in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from promenade_chassis.repository import BaseRepository

from promenade_identity.code.entity import MAX_TRIES, IssuedCode, Purpose

_REPLACE = """
INSERT INTO verification_code (purpose, subject, digest, expires_at)
VALUES (%(purpose)s, %(subject)s, %(digest)s, %(expires_at)s)
ON CONFLICT (purpose, subject) DO UPDATE
SET digest = excluded.digest, expires_at = excluded.expires_at, tries = 0, used_at = NULL
"""
# One statement, so that parallel tries are counted one after the other.
_REDEEM = """
UPDATE verification_code
SET tries = tries + 1, used_at = CASE WHEN digest = %(digest)s THEN %(now)s END
WHERE purpose = %(purpose)s AND subject = %(subject)s
  AND used_at IS NULL AND expires_at > %(now)s AND tries < %(max_tries)s
RETURNING used_at IS NOT NULL AS redeemed
"""


class PostgresCodes(BaseRepository):
    """One row a purpose and subject."""

    async def replace(self, code: IssuedCode) -> None:
        """Store a code; older ones of its purpose and subject stop counting."""
        await self._execute(
            _REPLACE, purpose=code.purpose, subject=code.subject, digest=code.digest, expires_at=code.expires_at
        )

    async def redeem(self, purpose: Purpose, subject: UUID, digest: bytes, now: datetime) -> bool:
        """Whether the digest is that of the living code; uses the code up, or counts the try."""
        row = await self._write_one(
            _REDEEM, purpose=purpose, subject=subject, digest=digest, now=now, max_tries=MAX_TRIES
        )
        return row is not None and bool(row["redeemed"])
