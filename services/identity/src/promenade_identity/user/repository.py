"""The ports of users."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_kernel.values.email import Email

from promenade_identity.user.entity import RegistrationAttempt, User, WrongPassword


class Users(Protocol):
    """The living users."""

    async def add(self, user: User) -> None:
        """Store a new user whose address is held."""
        ...

    async def save(self, user: User) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def get(self, user_id: UUID) -> User:
        """A living user; raises `NotFound`."""
        ...

    async def find(self, user_id: UUID) -> User | None:
        """A living user, or None."""
        ...

    async def get_with_deleted(self, user_id: UUID) -> User:
        """A user, living or deleted; raises `NotFound`."""
        ...

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
        ...

    async def find_by_email(self, email: Email) -> User | None:
        """The living user of an address, however it is spelled."""
        ...

    async def hold_address(self, email: Email) -> User | None:
        """As `find_by_email`; until the transaction ends nobody else holds or takes the address."""
        ...

    async def count_wrong_password(self, user_id: UUID, now: datetime) -> WrongPassword | None:
        """Count in one step, so that none of many at once is lost, and lock when it is time (`lock_after`)."""
        ...

    async def note_login(self, user: User, now: datetime, new_hash: str | None = None) -> bool:
        """Forget the wrong passwords; False when he was locked, suspended or changed his password meanwhile."""
        ...

    async def unlock(self, user_id: UUID) -> None:
        """Forget the wrong passwords, and the lock with them."""
        ...

    async def hold_pending_since(self, moment: datetime, limit: int) -> list[User]:
        """Users pending since before a moment, held; those held by others are left out."""
        ...


class Attempts(Protocol):
    """The registration attempts of users."""

    async def add(self, attempt: RegistrationAttempt) -> None:
        """Store an attempt."""
        ...

    async def of_user(self, user_id: UUID) -> list[RegistrationAttempt]:
        """A user's attempts, newest first."""
        ...

    async def drop(self, user_id: UUID) -> None:
        """Forget a user's attempts."""
        ...


class Pace(Protocol):
    """Hides by the time an answer takes what the answer itself does not tell."""

    def answers(self) -> AbstractAsyncContextManager[None]:
        """What happens inside takes at least so long."""
        ...

    def refusals(self) -> AbstractAsyncContextManager[None]:
        """As `answers`, when it ends in an error."""
        ...


async def count_wrong_password(user_id: UUID, now: datetime, users: Users) -> None:
    """Count a wrong password and, when it locks the account, tell so."""
    counted = await users.count_wrong_password(user_id, now)
    if counted is not None and counted.locks_until is not None:
        user = await users.get(user_id)
        user.lock(counted.locks_until)
        await users.save(user)
