"""Codes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from promenade_chassis.repository import BaseRepository

from promenade_identity.code.entity import MAX_TRIES, MEMORY, CodeRequest, IssuedCode, Purpose

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

_DROP_EXPIRED = """
DELETE FROM verification_code WHERE ctid IN (
    SELECT ctid FROM verification_code WHERE expires_at <= %(now)s LIMIT 5000 FOR UPDATE SKIP LOCKED)
"""
# A value that nobody has asked for yet has no row to lock; a number of its own keeps it apart from locked addresses.
_HOLD_VALUE = "SELECT pg_advisory_xact_lock(hashtextextended(%(purpose)s || ' ' || %(value)s, 2))"
_REQUESTS = """
SELECT user_id, asked_at FROM code_request
WHERE purpose = %(purpose)s AND value = %(value)s AND asked_at > %(after)s ORDER BY asked_at
"""
_ADD_REQUEST = """
INSERT INTO code_request (purpose, value, user_id, asked_at)
VALUES (%(purpose)s, %(value)s, %(user_id)s, %(asked_at)s)
"""
_FORGET_REQUESTS = "DELETE FROM code_request WHERE purpose = %(purpose)s AND value = %(value)s"
_DROP_REQUESTS = """
DELETE FROM code_request WHERE ctid IN (
    SELECT ctid FROM code_request WHERE asked_at <= %(before)s LIMIT 5000 FOR UPDATE SKIP LOCKED)
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

    async def drop_expired(self, now: datetime) -> None:
        """Forget codes whose time is over."""
        await self._execute(_DROP_EXPIRED, now=now)


class PostgresCodeRequests(BaseRepository):
    """One row a request, for an hour."""

    async def hold(self, purpose: Purpose, value: str, now: datetime) -> Sequence[CodeRequest]:
        """The requests of the last hour; until the transaction ends nobody else asks for codes to this value."""
        await self._execute(_HOLD_VALUE, purpose=purpose, value=value)
        rows = await self._fetch_all(_REQUESTS, purpose=purpose, value=value, after=now - MEMORY)
        return [CodeRequest(**row) for row in rows]

    async def add(self, purpose: Purpose, value: str, request: CodeRequest) -> None:
        """Take a request down."""
        await self._execute(
            _ADD_REQUEST, purpose=purpose, value=value, user_id=request.user_id, asked_at=request.asked_at
        )

    async def forget(self, purpose: Purpose, value: str) -> None:
        """Forget what was asked for: the code was used."""
        await self._execute(_FORGET_REQUESTS, purpose=purpose, value=value)

    async def drop_expired(self, now: datetime) -> None:
        """Forget requests that are older than an hour."""
        await self._execute(_DROP_REQUESTS, before=now - MEMORY)
