"""What identity told of users, in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from promenade_chassis.repository import BaseRepository
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_customer_management.customer.entity import Told, UserStatus
from promenade_customer_management.customer.user_profile import UserProfile

# The row is locked also when it stays as it is: what is read then is what is stored when this commits.
_NOTE_STATUS = """
INSERT INTO user_standing AS known (user_id, status, sequence) VALUES (%(user_id)s, %(status)s, %(sequence)s)
ON CONFLICT (user_id) DO UPDATE
SET status = CASE WHEN known.sequence < excluded.sequence THEN excluded.status ELSE known.status END,
    sequence = greatest(known.sequence, excluded.sequence), updated_at = now()
RETURNING status
"""
_STATUS = "SELECT status FROM user_standing WHERE user_id = %(user_id)s"
_NOTE_PROOF = """
INSERT INTO user_proof AS known (user_id, kind, told_by, sequence, proved_at)
VALUES (%(user_id)s, %(kind)s, %(told_by)s, %(sequence)s, %(proved_at)s)
ON CONFLICT (user_id, kind) DO UPDATE
SET told_by = excluded.told_by, sequence = excluded.sequence, proved_at = excluded.proved_at
WHERE CASE WHEN known.told_by = excluded.told_by THEN known.sequence < excluded.sequence
           ELSE known.proved_at < excluded.proved_at END
"""
_NOTE_SPARE_PHONE = """
WITH before AS (
    SELECT phone FROM user_spare_phone WHERE user_id = %(user_id)s FOR UPDATE
), noted AS (
    INSERT INTO user_spare_phone AS known (user_id, phone, told_by, sequence, proved_at)
    VALUES (%(user_id)s, %(phone)s, %(told_by)s, %(sequence)s, %(proved_at)s)
    ON CONFLICT (user_id) DO UPDATE
    SET phone = excluded.phone, told_by = excluded.told_by, sequence = excluded.sequence,
        proved_at = excluded.proved_at
    WHERE CASE WHEN known.told_by = excluded.told_by THEN known.sequence < excluded.sequence
               ELSE known.proved_at < excluded.proved_at END
    RETURNING 1
)
SELECT (SELECT phone FROM before) AS before,
       EXISTS (SELECT FROM noted)
       AND NOT EXISTS (SELECT FROM user_proof WHERE user_id = %(user_id)s AND kind = 'phone') AS stands_in
"""
# Writing holds the row, also one that is only now made.
_HOLD_PROFILE = """
INSERT INTO user_profile (user_id) VALUES (%(user_id)s)
ON CONFLICT (user_id) DO UPDATE SET updated_at = now()
RETURNING name, name_sequence, locale, timezone, sequence
"""
_PUT_PROFILE = """
UPDATE user_profile
SET name = %(name)s, name_sequence = %(name_sequence)s, locale = %(locale)s, timezone = %(timezone)s,
    sequence = %(sequence)s, updated_at = now()
WHERE user_id = %(user_id)s
"""


class PostgresUsers(BaseRepository):
    """What identity told of users, in the service's own database."""

    async def note_status(self, user_id: UUID, status: UserStatus, told: Told) -> UserStatus:
        """Note what became of a user; answers what is known of him now: another status when that is newer."""
        row = await self._write_one(_NOTE_STATUS, user_id=user_id, status=status, sequence=told.sequence)
        if row is None:
            raise AssertionError("a user has a status once one was noted")
        return UserStatus(row["status"])

    async def status(self, user_id: UUID) -> UserStatus:
        """What is known of a user; `NONE` when nobody told."""
        row = await self._fetch_one(_STATUS, user_id=user_id)
        return UserStatus(row["status"]) if row else UserStatus.NONE

    async def note_proof(self, user_id: UUID, value: Email | Phone, told: Told) -> bool:
        """Note that a user proved his primary email or phone; answers False when one proved later is known."""
        written = await self._execute(
            _NOTE_PROOF,
            user_id=user_id,
            kind="email" if isinstance(value, Email) else "phone",
            told_by=told.by,
            sequence=told.sequence,
            proved_at=told.at,
        )
        return written == 1

    async def note_spare_phone(self, user_id: UUID, phone: Phone, told: Told) -> tuple[bool, Phone | None]:
        """Note that a user proved a phone that is not his primary one.

        Answers whether it stands in (no primary one is known, nor one proved later), and which one stood in before.
        """
        row = await self._write_one(
            _NOTE_SPARE_PHONE,
            user_id=user_id,
            phone=str(phone),
            told_by=told.by,
            sequence=told.sequence,
            proved_at=told.at,
        )
        if row is None:
            raise AssertionError("a SELECT without FROM has a row")
        return row["stands_in"], Phone.trusted(row["before"]) if row["before"] else None

    async def hold_profile(self, user_id: UUID) -> UserProfile:
        """What a user told of himself so far; nobody else learns more of him until the unit of work ends."""
        row = await self._write_one(_HOLD_PROFILE, user_id=user_id)
        if row is None:
            raise AssertionError("a profile that is held has a row")
        return UserProfile(**row)

    async def put_profile(self, user_id: UUID, profile: UserProfile) -> None:
        """Store what is known now of a user whose profile is held."""
        await self._execute(_PUT_PROFILE, user_id=user_id, **asdict(profile))
