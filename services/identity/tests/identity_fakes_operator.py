"""All who are signed in, in memory: many at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from identity_fakes_sessions import InMemorySessions
from identity_fakes_users import InMemoryUsers
from promenade_identity.session.entity import EndReason


class InMemoryEverybody:
    """Over the fakes of users and sessions."""

    def __init__(self, users: InMemoryUsers, sessions: InMemorySessions) -> None:
        self._users = users
        self._sessions = sessions

    async def signed_in(self, after: UUID | None, limit: int) -> list[UUID]:
        found = sorted({session.user_id for session in self._sessions.unended()})
        return [user_id for user_id in found if after is None or user_id > after][:limit]

    async def raise_epochs(self, users: Sequence[UUID], now: datetime) -> Mapping[UUID, int]:
        raised: dict[UUID, int] = {}
        for user in [await self._users.find(user_id) for user_id in users]:
            if user is not None:
                user.raise_epoch()
                await self._users.save(user)
                raised[user.id] = user.authz_epoch
        return raised

    async def end_sessions(self, users: Sequence[UUID], reason: EndReason, now: datetime) -> int:
        ending = [session for session in self._sessions.unended() if session.user_id in users]
        for user_id in users:
            await self._sessions.end_all(user_id, reason, now)
        return len(ending)
