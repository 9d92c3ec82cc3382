"""The ports of users."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Principal, Sort
from promenade_kernel.values.email import Email

from promenade_identity.contact.entity import Contact
from promenade_identity.contact.repository import Contacts
from promenade_identity.profile.entity import Profile
from promenade_identity.profile.repository import Profiles
from promenade_identity.role.entity import require_held
from promenade_identity.role.repository import Grants
from promenade_identity.user.entity import LivingStatus, RegistrationAttempt, User, WrongPassword


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users a list shows; None means any."""

    status: LivingStatus | None = None
    role: Annotated[str, Meta(min_length=1, max_length=100, description="Who have this role.")] | None = None
    q: (
        Annotated[str, Meta(min_length=1, max_length=100, description="Part of the address or the display name.")]
        | None
    ) = None


USERS = ListOf(
    User,
    UserFilter,
    Sort("created_at", datetime),
    Sort("last_login_at", datetime, nullable=True),
    Sort("email", str),
)


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

    async def list(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """A page of the living users, as `USERS` declares the list."""
        ...

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
        ...

    async def find_by_email(self, email: Email) -> User | None:
        """The living user of an address, however it is spelled."""
        ...

    async def hold_address(self, email: Email) -> User | None:
        """As `find_by_email`; until the transaction ends nobody else takes the address or changes its user."""
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

    async def hold_other_superadmin(self, user_id: UUID) -> bool:
        """Whether anybody else is an active superadmin; until the transaction ends nobody takes one away.

        Whoever takes one away asks here first: of two at once the second sees what the first has left.
        """
        ...

    async def hold_pending_since(self, moment: datetime, limit: int) -> Sequence[User]:
        """Users pending since before a moment, held; those held by others are left out."""
        ...

    async def hold_suspended_until(self, moment: datetime, limit: int) -> Sequence[User]:
        """Users whose suspension ends at a moment or before, held; those held by others are left out."""
        ...


class Attempts(Protocol):
    """The registration attempts of users."""

    async def add(self, attempt: RegistrationAttempt) -> None:
        """Store an attempt."""
        ...

    async def of_user(self, user_id: UUID) -> list[RegistrationAttempt]:
        """A user's attempts, newest first."""
        ...

    async def keep_newest(self, user_id: UUID, count: int) -> None:
        """Forget a user's attempts but so many."""
        ...

    async def drop(self, user_id: UUID) -> None:
        """Forget a user's attempts."""
        ...


class Beat(Protocol):
    """One answer that keeps the pace."""

    def restart(self) -> None:
        """What went before took long for reasons of its own: what comes now is hidden by a time of its own too."""
        ...


class Pace(Protocol):
    """Hides by the time an answer takes what the answer itself does not tell."""

    def answers(self) -> AbstractAsyncContextManager[Beat]:
        """What happens inside takes at least so long."""
        ...

    def refusals(self) -> AbstractAsyncContextManager[Beat]:
        """As `answers`, when it ends in an error."""
        ...


class Household(Protocol):
    """A room that has all that a new user is given."""

    @property
    def users(self) -> Users: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def profiles(self) -> Profiles: ...


async def settle_in(user: User, name: str | None, locale: str | None, now: datetime, room: Household) -> None:
    """Store an activated user with what he starts with: his proved address and a profile."""
    contact = Contact(user_id=user.id, value=user.email, is_primary=True)
    contact.verify(now)
    await room.users.save(user)
    await room.contacts.add(contact)
    await room.profiles.add(Profile(user_id=user.id, display_name=name, locale=locale))
    await room.attempts.drop(user.id)


async def count_wrong_password(user_id: UUID, now: datetime, users: Users) -> None:
    """Count a wrong password and, when it locks the account, tell so."""
    counted = await users.count_wrong_password(user_id, now)
    if counted is not None and counted.locks_until is not None:
        user = await users.get(user_id)
        user.lock(counted.locks_until)
        await users.save(user)


async def require_outranked(user_id: UUID, principal: Principal, users: Users, grants: Grants) -> None:
    """Raise `PermissionNotHeld` when a user holds what the caller lacks; oneself one may always change."""
    if user_id != principal.id:
        user = await users.get_with_deleted(user_id)
        require_held(principal, await grants.permissions_of(user.roles))
