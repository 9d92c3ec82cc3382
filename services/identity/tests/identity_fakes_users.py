"""In-memory stand-ins of the ports of users and profiles."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_identity.profile.entity import Profile
from promenade_identity.user.entity import SUPERADMIN, RegistrationAttempt, User, UserStatus, WrongPassword, lock_after
from promenade_identity.user.repository import USERS, UserFilter
from promenade_kernel.values.email import Email


class InMemoryUsers(InMemoryRepository[User]):
    """Users in a dict. A list looks into `profiles` for what they go by."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork, profiles: InMemoryProfiles | None = None) -> None:
        super().__init__(unit_of_work)
        self._profiles = profiles or InMemoryProfiles(unit_of_work)

    async def add(self, user: User) -> None:
        self._put(user)

    async def save(self, user: User) -> None:
        stored = self._rows.get(user.id)
        if stored is not None:
            user.failed_logins, user.last_login_at = stored.failed_logins, stored.last_login_at
            user.locked_until = stored.locked_until
        self._put(user)

    async def get(self, user_id: UUID) -> User:
        found = await self.find(user_id)
        if found is None:
            raise NotFound
        return found

    async def find(self, user_id: UUID) -> User | None:
        return self._find(lambda user: user.id == user_id)

    async def get_with_deleted(self, user_id: UUID) -> User:
        stored = self._rows.get(user_id)
        if stored is None:
            raise NotFound
        return self._copy(stored)

    async def list(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        names = await self._profiles.display_names(self._rows.keys())

        def matches(user: User) -> bool:
            texts = (user.email.canonical, (names.get(user.id) or "").casefold())
            return (
                wanted.status in (None, user.status)
                and (wanted.role is None or wanted.role in user.roles)
                and (wanted.q is None or any(wanted.q.casefold() in text for text in texts))
            )

        return self._page(USERS, matches, page)

    async def hold(self, user_id: UUID) -> bool:
        self._unit_of_work.require()
        return await self.find(user_id) is not None

    async def find_by_email(self, email: Email) -> User | None:
        return self._find(lambda user: user.email.canonical == email.canonical)

    async def hold_address(self, email: Email) -> User | None:
        self._unit_of_work.require()
        return await self.find_by_email(email)

    async def count_wrong_password(self, user_id: UUID, now: datetime) -> WrongPassword | None:
        self._unit_of_work.require()
        user = await self.find(user_id)
        if user is None:
            return None
        user.failed_logins += 1
        duration = None if user.is_locked(now) else lock_after(user.failed_logins)
        if duration is not None:
            user.locked_until = now + duration
        self._rows[user.id] = user
        return WrongPassword(user.failed_logins, user.locked_until if duration is not None else None)

    async def note_login(self, user: User, now: datetime, new_hash: str | None = None) -> bool:
        self._unit_of_work.require()
        stored = await self.find(user.id)
        if stored is None or stored.status is not UserStatus.ACTIVE or stored.is_locked(now):
            return False
        if stored.password_hash != user.password_hash:
            return False
        stored.failed_logins, stored.locked_until, stored.last_login_at = 0, None, now
        stored.password_hash = new_hash or stored.password_hash
        self._rows[user.id] = stored
        return True

    async def unlock(self, user_id: UUID) -> None:
        self._unit_of_work.require()
        user = await self.find(user_id)
        if user is not None:
            user.failed_logins, user.locked_until = 0, None
            self._rows[user.id] = user

    async def hold_other_superadmin(self, user_id: UUID) -> bool:
        self._unit_of_work.require()
        active = [user for user in self._living() if user.status is UserStatus.ACTIVE and SUPERADMIN in user.roles]
        return any(user.id != user_id for user in active)

    async def hold_pending_since(self, moment: datetime, limit: int) -> Sequence[User]:
        self._unit_of_work.require()
        since = {user.id: user.pending_since or user.created_at for user in self._living()}
        found = [user for user in self._living() if user.status is UserStatus.PENDING and since[user.id] < moment]
        return [self._copy(user) for user in sorted(found, key=lambda user: since[user.id])[:limit]]

    async def hold_suspended_until(self, moment: datetime, limit: int) -> Sequence[User]:
        self._unit_of_work.require()
        ends = {user.id: user.suspended_until or datetime.max.replace(tzinfo=UTC) for user in self._living()}
        found = [user for user in self._living() if user.status is UserStatus.SUSPENDED and ends[user.id] <= moment]
        return [self._copy(user) for user in sorted(found, key=lambda user: ends[user.id])[:limit]]


class InMemoryAttempts:
    """Attempts in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._attempts: list[RegistrationAttempt] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[RegistrationAttempt]:
        return list(self._attempts)

    def roll_back(self, snapshot: list[RegistrationAttempt]) -> None:
        self._attempts = snapshot

    async def add(self, attempt: RegistrationAttempt) -> None:
        self._unit_of_work.require()
        self._attempts.append(attempt)

    async def of_user(self, user_id: UUID) -> list[RegistrationAttempt]:
        found = [attempt for attempt in self._attempts if attempt.user_id == user_id]
        return sorted(found, key=lambda attempt: attempt.id, reverse=True)

    async def drop(self, user_id: UUID) -> None:
        self._unit_of_work.require()
        self._attempts = [attempt for attempt in self._attempts if attempt.user_id != user_id]


class InMemoryProfiles(InMemoryRepository[Profile]):
    """Profiles in a dict."""

    async def add(self, profile: Profile) -> None:
        self._put(profile)

    async def save(self, profile: Profile) -> None:
        self._put(profile)

    async def of_user(self, user_id: UUID) -> Profile:
        found = self._find(lambda profile: profile.user_id == user_id)
        if found is None:
            raise NotFound
        return found

    async def display_names(self, user_ids: Collection[UUID]) -> Mapping[UUID, str | None]:
        return {row.user_id: row.display_name for row in self._living() if row.user_id in user_ids}

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        self._unit_of_work.require()
        for row in [row for row in self._living() if row.user_id == user_id]:
            self._put(replace(row, deleted_at=moment))

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        self._unit_of_work.require()
        for row in list(self._rows.values()):
            if row.user_id == user_id and row.deleted_at == moment:
                self._put(replace(row, deleted_at=None))


class QuickHashes:
    """Hashes that cost nothing; `computed` counts them. `old:` marks one made with other parameters."""

    def __init__(self) -> None:
        self.computed = 0

    async def make(self, password: str) -> str:
        self.computed += 1
        return _digest(password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        self.computed += 1
        await asyncio.sleep(0)
        return password_hash is not None and password_hash.removeprefix("old:") == _digest(password)

    def is_outdated(self, password_hash: str) -> bool:
        return password_hash.startswith("old:")


class CountedPace:
    """Never waits; counts what would have."""

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0

    @asynccontextmanager
    async def answers(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.answered += 1

    @asynccontextmanager
    async def refusals(self) -> AsyncGenerator[None, None]:
        try:
            yield
        except Exception:
            self.refused += 1
            raise


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
