"""The ports of revocations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from promenade_identity.revocation.entity import Backlog, Revocation


class Revocations(Protocol):
    """The truth. Adding holds up others who add until the transaction ends, so it comes last in a use case."""

    async def add(self, revocation: Revocation) -> None:
        """Store a revocation under the next number."""
        ...

    async def add_all(self, revocations: Sequence[Revocation]) -> None:
        """As `add`, of many in one step, numbered in their order."""
        ...

    async def newest(self) -> int:
        """The number of the newest revocation; 0 before the first."""
        ...

    async def after(self, number: int, now: datetime) -> Backlog:
        """What came after a number and has not expired."""
        ...

    async def drop_expired(self, now: datetime) -> None:
        """Forget revocations that have nothing left to revoke."""
        ...


class Announcements(Protocol):
    """What the gateway reads."""

    async def announce(self) -> None:
        """Bring it up to date, after the commit and before the answer.

        Never raises: while it cannot be reached the gateway lets nobody pass, and afterwards the worker fills it.
        """
        ...
