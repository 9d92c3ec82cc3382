"""The port of all who are signed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_identity.session.entity import EndReason


class Everybody(Protocol):
    """Users and sessions, many at a time."""

    async def signed_in(self, after: UUID | None, limit: int) -> list[UUID]:
        """The next users with a session that has not ended, by id."""
        ...

    async def raise_epochs(self, users: Sequence[UUID], now: datetime) -> Mapping[UUID, int]:
        """Make all access tokens of the living ones among them stale; answers the epochs that count from now on.

        Until the transaction ends none of them signs in.
        """
        ...

    async def end_sessions(self, users: Sequence[UUID], reason: EndReason, now: datetime) -> int:
        """End all their sessions; answers how many."""
        ...
