"""What the ports of users promise: one suite, run against the fakes and against PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from identity_fakes_users import InMemoryAttempts, InMemoryProfiles, InMemoryUsers
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import NotFound, StaleVersion, UnitOfWork
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.profile.entity import Profile
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.profile.repository import Profiles
from promenade_identity.user.entity import LOCK_EVERY, LOCKS, RegistrationAttempt, User
from promenade_identity.user.postgres import PostgresAttempts, PostgresUsers
from promenade_identity.user.repository import Attempts, Users
from promenade_kernel.values.address import Country
from promenade_kernel.values.email import Email

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
HASH = "a password hash"


@dataclass
class Store:
    """A unit of work with the repositories, and the steps of these tests."""

    unit_of_work: UnitOfWork
    users: Users
    attempts: Attempts
    profiles: Profiles

    async def add(self, user: User | None = None) -> User:
        added = user or User(email=fresh_email())
        async with self.unit_of_work.begin():
            await self.users.add(added)
        return added

    async def active(self) -> User:
        user = await self.add()
        user.appoint(HASH, ("user", "manager"), NOW)
        await self.save(user)
        return user

    async def save(self, user: User) -> None:
        async with self.unit_of_work.begin():
            await self.users.save(user)

    async def hold(self, user_id: UUID) -> bool:
        async with self.unit_of_work.begin():
            return await self.users.hold(user_id)

    async def fail(self, user: User, times: int, now: datetime = NOW) -> list[datetime | None]:
        """Count wrong passwords; until when each of them locked."""
        locks: list[datetime | None] = []
        for _ in range(times):
            async with self.unit_of_work.begin():
                counted = await self.users.count_wrong_password(user.id, now)
            assert counted is not None
            locks.append(counted.locks_until)
        return locks

    async def note_login(self, user: User, now: datetime = NOW, new_hash: str | None = None) -> bool:
        async with self.unit_of_work.begin():
            return await self.users.note_login(user, now, new_hash)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        return Store(memory, InMemoryUsers(memory), InMemoryAttempts(memory), InMemoryProfiles(memory))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresUsers(database), PostgresAttempts(database), PostgresProfiles(database))


def fresh_email() -> Email:
    return Email(f"{uuid4().hex}@example.com")


async def test_what_is_stored_comes_back(store: Store) -> None:
    """Every field, in every state, equals what was saved."""
    user = await store.active()
    assert await store.users.get(user.id) == user

    user.suspend(NOW + timedelta(days=1))
    await store.save(user)

    assert await store.users.get(user.id) == user
    assert user.version == 3


async def test_an_address_finds_its_user_however_it_is_spelled(store: Store) -> None:
    """Case does not count, and what nobody has finds nobody."""
    user = await store.add(User(email=Email(f"Ada.{uuid4().hex}@Example.COM")))

    assert await store.users.find_by_email(Email(user.email.upper())) == user
    async with store.unit_of_work.begin():
        assert await store.users.hold_address(Email(user.email.lower())) == user
        assert await store.users.hold_address(fresh_email()) is None


async def test_a_deleted_user_is_gone_and_his_address_free(store: Store) -> None:
    """Nothing finds him but who asks for the deleted, too; somebody else may take the address."""
    user = await store.add()
    user.delete(NOW)
    await store.save(user)

    with pytest.raises(NotFound):
        await store.users.get(user.id)
    with pytest.raises(NotFound):
        await store.users.get_with_deleted(uuid4())
    assert await store.users.get_with_deleted(user.id) == user
    assert await store.users.find_by_email(user.email) is None
    again = await store.add(User(email=user.email))
    assert await store.users.find_by_email(user.email) == again


async def test_only_a_living_user_is_held(store: Store) -> None:
    """As the owner of what is about to be stored: not when deleted, nor when never there."""
    user = await store.add()

    held = await store.hold(user.id)
    user.delete(NOW)
    await store.save(user)

    assert (held, await store.hold(user.id), await store.hold(uuid4())) == (True, False, False)


async def test_a_stale_user_is_not_written(store: Store) -> None:
    """The second of two who read the same version loses."""
    user = await store.active()
    first, second = await store.users.get(user.id), await store.users.get(user.id)
    first.raise_epoch()
    await store.save(first)

    with pytest.raises(StaleVersion):
        await store.save(second)


async def test_writes_need_a_unit_of_work(store: Store) -> None:
    """Outside of one they raise."""
    with pytest.raises(TransactionMisuse):
        await store.users.add(User(email=fresh_email()))
    with pytest.raises(TransactionMisuse):
        await store.users.count_wrong_password(uuid4(), NOW)


async def test_wrong_passwords_are_counted_and_lock(store: Store) -> None:
    """Each fifth locks, longer each time, unless a lock is on; the version stays."""
    user = await store.active()
    moments = [NOW]
    for duration in (*LOCKS, LOCKS[-1]):
        assert await store.fail(user, LOCK_EVERY, moments[-1]) == [None] * (LOCK_EVERY - 1) + [moments[-1] + duration]
        moments.append(moments[-1] + duration)

    stored = await store.users.get(user.id)
    assert (stored.failed_logins, stored.locked_until) == (LOCK_EVERY * (len(LOCKS) + 1), moments[-1])
    assert stored.version == user.version


async def test_wrong_passwords_while_locked_lengthen_nothing(store: Store) -> None:
    """They are counted all the same."""
    user = await store.active()
    await store.fail(user, LOCK_EVERY)

    assert await store.fail(user, 2 * LOCK_EVERY, NOW + timedelta(seconds=30)) == [None] * 2 * LOCK_EVERY

    stored = await store.users.get(user.id)
    assert (stored.failed_logins, stored.locked_until) == (3 * LOCK_EVERY, NOW + LOCKS[0])


async def test_unlocking_forgets_all_wrong_passwords(store: Store) -> None:
    """The next lock is a short one again."""
    user = await store.active()
    await store.fail(user, 3 * LOCK_EVERY)

    async with store.unit_of_work.begin():
        await store.users.unlock(user.id)

    assert await store.note_login(user)
    assert await store.fail(user, LOCK_EVERY) == [None] * (LOCK_EVERY - 1) + [NOW + LOCKS[0]]


async def test_nobodys_wrong_passwords_are_not_counted(store: Store) -> None:
    """There is no row to count in."""
    async with store.unit_of_work.begin():
        assert await store.users.count_wrong_password(uuid4(), NOW) is None


async def test_a_login_forgets_wrong_passwords(store: Store) -> None:
    """The count starts again; a new hash takes the old one's place; saving what was read before changes none of it."""
    user = await store.active()
    await store.fail(user, LOCK_EVERY - 1)

    assert await store.note_login(user, NOW, "a newer hash")

    stored = await store.users.get(user.id)
    assert (stored.failed_logins, stored.locked_until, stored.last_login_at) == (0, None, NOW)
    assert stored.password_hash == "a newer hash"
    stored.failed_logins = 77
    await store.save(stored)
    assert (await store.users.get(user.id)).failed_logins == 0


@pytest.mark.parametrize("reason", ["locked", "suspended", "other password", "deleted"])
async def test_a_login_that_came_too_late_is_refused(store: Store, reason: str) -> None:
    """What changed while the password was checked counts."""
    user = await store.active()
    if reason == "locked":
        await store.fail(user, LOCK_EVERY)
    changed = await store.users.get(user.id)
    if reason == "suspended":
        changed.suspend()
    if reason == "other password":
        changed.password_hash = "another hash"
    if reason == "deleted":
        changed.delete(NOW)
    await store.save(changed)

    assert not await store.note_login(user)


async def test_a_login_counts_again_when_the_lock_is_over(store: Store) -> None:
    """To the microsecond."""
    user = await store.active()
    await store.fail(user, LOCK_EVERY)
    end = NOW + LOCKS[0]

    assert not await store.note_login(user, end - timedelta(microseconds=1))
    assert await store.note_login(user, end)


async def test_only_users_pending_for_long_are_held(store: Store) -> None:
    """Oldest first, so many at a time; active ones never."""
    old = [await store.add(User(email=fresh_email(), created_at=NOW + timedelta(hours=n))) for n in range(3)]
    active = User(email=fresh_email(), created_at=NOW)
    await store.add(active)
    active.appoint(HASH, ("user",), NOW)
    await store.save(active)

    async with store.unit_of_work.begin():
        held = await store.users.hold_pending_since(NOW + timedelta(hours=2), 10)
        fewer = await store.users.hold_pending_since(NOW + timedelta(days=1), 1)

    assert [user.id for user in held] == [user.id for user in old[:2]]
    assert [user.id for user in fewer] == [old[0].id]


async def test_attempts_are_kept_until_dropped(store: Store) -> None:
    """Newest first, each as it was stored; other users' stay."""
    user, other = await store.add(), await store.add()
    attempts = [
        RegistrationAttempt(user_id=user.id, password_hash=f"hash {n}", display_name="Ada" if n else None, locale="en")
        for n in range(3)
    ]
    theirs = RegistrationAttempt(user_id=other.id, password_hash=HASH)
    async with store.unit_of_work.begin():
        for attempt in (*attempts, theirs):
            await store.attempts.add(attempt)

    assert await store.attempts.of_user(user.id) == attempts[::-1]
    async with store.unit_of_work.begin():
        await store.attempts.drop(user.id)
    assert await store.attempts.of_user(user.id) == []
    assert await store.attempts.of_user(other.id) == [theirs]


async def test_profiles_come_back_as_they_were_saved(store: Store) -> None:
    """Every field; a stale one is not written."""
    user = await store.add()
    profile = Profile(user_id=user.id, display_name="Ada")
    async with store.unit_of_work.begin():
        await store.profiles.add(profile)
    profile.change(
        NOW.date(),
        given_name="Ada",
        bio="Counts.",
        date_of_birth=NOW.date().replace(year=1990),
        country=Country("GB"),
        links=("https://example.com/",),
        is_public=True,
    )
    stale = await store.profiles.of_user(user.id)
    async with store.unit_of_work.begin():
        await store.profiles.save(profile)

    assert await store.profiles.of_user(user.id) == profile
    with pytest.raises(StaleVersion):
        async with store.unit_of_work.begin():
            await store.profiles.save(stale)
    with pytest.raises(NotFound):
        await store.profiles.of_user(uuid4())
