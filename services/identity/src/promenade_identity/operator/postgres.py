"""All who are signed in, in PostgreSQL: a statement for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from promenade_chassis.repository import BaseRepository

from promenade_identity.session.entity import EndReason

# An ended session's access tokens were revoked with it, an expired one's have expired long before.
_SIGNED_IN = """
SELECT DISTINCT user_id FROM session
WHERE ended_at IS NULL AND (%(after)s::uuid IS NULL OR user_id > %(after)s)
ORDER BY user_id LIMIT %(limit)s
"""
# In one order, so that two of these wait for each other instead of dying.
_RAISE_EPOCHS = """
WITH held AS (
    SELECT id FROM "user" WHERE id = ANY(%(users)s) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE
)
UPDATE "user" AS raised SET authz_epoch = authz_epoch + 1, version = version + 1, updated_at = %(now)s
FROM held WHERE raised.id = held.id
RETURNING raised.id, raised.authz_epoch
"""
_END_SESSIONS = """
UPDATE session SET ended_at = %(now)s, end_reason = %(reason)s, version = version + 1, updated_at = %(now)s
WHERE user_id = ANY(%(users)s) AND ended_at IS NULL
"""


class PostgresEverybody(BaseRepository):
    """The users and sessions of the service's own database."""

    async def signed_in(self, after: UUID | None, limit: int) -> list[UUID]:
        """The next users with a session that has not ended, by id."""
        return [row["user_id"] for row in await self._fetch_all(_SIGNED_IN, after=after, limit=limit)]

    async def raise_epochs(self, users: Sequence[UUID], now: datetime) -> Mapping[UUID, int]:
        """Make all access tokens of the living ones among them stale; answers the epochs that count from now on.

        Until the transaction ends none of them signs in.
        """
        cursor = await self._database.writing_connection().execute(_RAISE_EPOCHS, {"users": list(users), "now": now})
        return {row["id"]: row["authz_epoch"] for row in await cursor.fetchall()}

    async def end_sessions(self, users: Sequence[UUID], reason: EndReason, now: datetime) -> int:
        """End all their sessions; answers how many."""
        return await self._execute(_END_SESSIONS, users=list(users), reason=reason, now=now)
