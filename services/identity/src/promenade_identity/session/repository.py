"""The ports of sessions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, NoFilters, Page, PageRequest, Sort

from promenade_identity.session.entity import EndReason, RefreshToken, Session
from promenade_identity.user.entity import User

SESSIONS = ListOf(Session, NoFilters, Sort("created_at", datetime), Sort("last_used_at", datetime))


class Sessions(Protocol):
    """Sessions with their refresh tokens."""

    async def add(self, session: Session, token: RefreshToken) -> None:
        """Store a new session and its first token."""
        ...

    async def save(self, session: Session, token: RefreshToken | None = None) -> None:
        """Store a change and, after a rotation, the new token; raises `StaleVersion`."""
        ...

    async def hold_by_token(self, digest: bytes) -> tuple[Session, RefreshToken] | None:
        """The session of a token, ended ones included; until the transaction ends nobody else holds it."""
        ...

    async def hold(self, session_id: UUID) -> Session:
        """A living session, held; raises `NotFound`."""
        ...

    async def list(self, user_id: UUID, page: PageRequest, now: datetime) -> Page[Session]:
        """A page of a user's living sessions, as `SESSIONS` declares the list."""
        ...

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime, *, except_for: UUID | None = None) -> None:
        """End all living sessions of a user, or all but one."""
        ...

    async def drop_expired(self, now: datetime) -> None:
        """Forget tokens that have expired, and sessions that have none left."""
        ...


class AccessTokens(Protocol):
    """Gives out access tokens; `lifetime` is how long one counts."""

    @property
    def lifetime(self) -> timedelta:
        """How long a token counts."""
        ...

    async def issue(self, user: User, permissions: Collection[str], session_id: UUID, now: datetime) -> str:
        """A signed token with what the user may do at this moment."""
        ...
