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


class PasswordHashes(Protocol):
    """Makes and checks password hashes, off the event loop and so many at a time."""

    async def make(self, password: str) -> str:
        """The hash to store."""
        ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they belong together; without a hash False, after as long as it takes to compute one."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        ...


class Pace(Protocol):
    """Hides by the time an answer takes what the answer itself does not tell."""

    def answers(self) -> AbstractAsyncContextManager[None]:
        """What happens inside takes at least so long."""
        ...

    def refusals(self) -> AbstractAsyncContextManager[None]:
        """As `answers`, when it ends in an error."""
        ...
