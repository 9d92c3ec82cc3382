"""What the ports of users promise: one suite, run against the fakes and against PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from identity_fakes_users import InMemoryAttempts, InMemoryProfiles, InMemoryUsers
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import NotFound, PageRequest, StaleVersion, UnitOfWork
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.profile.entity import Profile
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.profile.repository import Profiles
from promenade_identity.user.entity import LOCK_EVERY, LOCKS, RegistrationAttempt, User, UserStatus
from promenade_identity.user.postgres import PostgresAttempts, PostgresUsers
from promenade_identity.user.repository import Attempts, UserFilter, Users
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
        profiles = InMemoryProfiles(memory)
        return Store(memory, InMemoryUsers(memory, profiles), InMemoryAttempts(memory), profiles)
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresUsers(database), PostgresAttempts(database), PostgresProfiles(database))


def fresh_email() -> Email:
    return Email(f"{uuid4().hex}@example.com")


async def test_what_is_stored_comes_back(store: Store) -> None:
    """Every field, in every state, equals what was saved."""
    user = await store.active()
    assert await store.users.get(user.id) == user

    user.suspend(NOW + timedelta(days=1), "Left the company")
    await store.save(user)
    assert await store.users.get(user.id) == user

    user.delete(NOW)
    await store.save(user)
    assert await store.users.get_with_deleted(user.id) == user
    assert (user.version, user.deleted_from) == (4, UserStatus.SUSPENDED)

    invited = User(email=fresh_email())
    invited.invite(("manager",), "Ada", NOW)
    assert await store.users.get((await store.add(invited)).id) == invited


async def test_an_address_finds_its_user_however_it_is_spelled(store: Store) -> None:
    """Case does not count, and what nobody has finds nobody."""
    user = await store.add(User(email=Email(f"Ada.{uuid4().hex}@Example.COM")))

    assert await store.users.find_by_email(Email(user.email.upper())) == user
    async with store.unit_of_work.begin():
        assert await store.users.hold_address(Email(user.email.lower())) == user
        assert await store.users.hold_address(fresh_email()) is None


async def test_a_deleted_user_is_gone_and_his_address_free(store: Store) -> None:
    """Nothing finds him any more; somebody else may take the address."""
    user = await store.add()
    user.delete(NOW)
    await store.save(user)

    with pytest.raises(NotFound):
        await store.users.get(user.id)
    assert await store.users.find_by_email(user.email) is None
    again = await store.add(User(email=user.email))
    assert await store.users.find_by_email(user.email) == again


async def test_a_restored_user_is_found_again(store: Store) -> None:
    """By id and by address; who was never there is not found among the deleted ones either."""
    user = await store.active()
    user.delete(NOW)
    await store.save(user)

    deleted = await store.users.get_with_deleted(user.id)
    deleted.restore(NOW)
    await store.save(deleted)

    assert await store.users.get(user.id) == await store.users.find_by_email(user.email) == deleted
    assert (deleted.status, deleted.version) == (UserStatus.ACTIVE, user.version + 1)
    with pytest.raises(NotFound):
        await store.users.get_with_deleted(uuid4())


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


async def test_an_invitation_starts_the_days_of_a_pending_user_anew(store: Store) -> None:
    """From then on they count, not from when he was created."""
    user = await store.add(User(email=fresh_email(), created_at=NOW - timedelta(days=30)))
    user.invite(("user",), None, NOW)
    await store.save(user)

    async with store.unit_of_work.begin():
        too_early = await store.users.hold_pending_since(NOW, 10)
        held = await store.users.hold_pending_since(NOW + timedelta(microseconds=1), 10)

    assert ([each.id for each in too_early], [each.id for each in held]) == ([], [user.id])


async def test_only_suspensions_that_are_over_are_held(store: Store) -> None:
    """The one that ended first comes first, so many at a time; those without an end never."""
    ends = [NOW, NOW - timedelta(hours=1), NOW + timedelta(microseconds=1), None]
    users = [await store.active() for _ in ends]
    for user, end in zip(users, ends, strict=True):
        user.suspend(end)
        await store.save(user)
    await store.active()

    async with store.unit_of_work.begin():
        held = await store.users.hold_suspended_until(NOW, 10)
        fewer = await store.users.hold_suspended_until(NOW, 1)

    assert [user.id for user in held] == [users[1].id, users[0].id]
    assert [user.id for user in fewer] == [users[1].id]


@pytest.mark.parametrize("other", ["pending", "suspended", "deleted", "manager", "active"])
async def test_another_superadmin_is_an_active_one(store: Store, other: str) -> None:
    """Who cannot act does not count, nor the one who is asked about."""
    user, another = await store.active(), User(email=fresh_email(), roles=("user", "superadmin"))
    user.change_roles(("superadmin",))
    await store.save(user)
    if other != "pending":
        another.appoint(HASH, ("manager",) if other == "manager" else ("user", "superadmin"), NOW)
    if other == "suspended":
        another.suspend()
    await store.add(another)
    if other == "deleted":
        another.delete(NOW)
        await store.save(another)

    async with store.unit_of_work.begin():
        assert await store.users.hold_other_superadmin(user.id) == (other == "active")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (UserFilter(), "pam"),
        (UserFilter(status="pending"), "p"),
        (UserFilter(status="active"), "am"),
        (UserFilter(role="manager"), "m"),
        (UserFilter(role="manag"), ""),
        (UserFilter(q="ÅSA weiSS"), "a"),
        (UserFilter(q="MANAGER_of"), "m"),
        (UserFilter(q="%"), "p"),
        (UserFilter(q="_"), "m"),
        (UserFilter(q="example"), "pam"),
        (UserFilter(q="of_all", role="user", status="active"), "m"),
        (UserFilter(q="deleted"), ""),
    ],
    ids=lambda each: "" if isinstance(each, str) else f"{each.status} {each.role} {each.q}",
)
async def test_a_list_is_narrowed(store: Store, wanted: UserFilter, found: str) -> None:
    """By state, by a whole role, and by a part of address or name: in any case, with nothing that stands for more."""
    users = {
        "p": User(email=Email("percent%pending@example.com"), created_at=NOW),
        "a": User(email=fresh_email(), created_at=NOW + timedelta(seconds=1)),
        "m": User(email=Email("Manager_Of_All@example.com"), created_at=NOW + timedelta(seconds=2)),
        "d": User(email=Email("deleted@example.com"), created_at=NOW),
    }
    users["a"].appoint(HASH, ("user",), NOW)
    users["m"].appoint(HASH, ("user", "manager"), NOW)
    for user in users.values():
        await store.add(user)
    async with store.unit_of_work.begin():
        await store.profiles.add(Profile(user_id=users["a"].id, display_name="Åsa Weiß"))
        users["d"].delete(NOW)
        await store.users.save(users["d"])

    page = await store.users.list(wanted, PageRequest(sort="created_at"))

    assert [user.id for user in page.items] == [users[each].id for each in found]


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


async def test_names_are_those_of_the_users_asked_for(store: Store) -> None:
    """Who has a profile without a name has none; who has no profile is left out."""
    users = [await store.add() for _ in range(4)]
    async with store.unit_of_work.begin():
        for user, name in zip(users[:3], ("Ada", None, "Bea"), strict=True):
            await store.profiles.add(Profile(user_id=user.id, display_name=name))

    names = await store.profiles.display_names([users[0].id, users[1].id, users[3].id])

    assert names == {users[0].id: "Ada", users[1].id: None}


async def test_a_profile_goes_and_comes_back_with_its_user(store: Store) -> None:
    """Only what went at that moment comes back, and other users' profiles stay."""
    user, other = await store.add(), await store.add()
    profile, theirs = Profile(user_id=user.id, display_name="Ada"), Profile(user_id=other.id)
    async with store.unit_of_work.begin():
        await store.profiles.add(profile)
        await store.profiles.add(theirs)

    async with store.unit_of_work.begin():
        await store.profiles.delete_with(user.id, NOW)
    with pytest.raises(NotFound):
        await store.profiles.of_user(user.id)
    async with store.unit_of_work.begin():
        await store.profiles.restore_with(user.id, NOW + timedelta(microseconds=1))
    with pytest.raises(NotFound):
        await store.profiles.of_user(user.id)
    async with store.unit_of_work.begin():
        await store.profiles.restore_with(user.id, NOW)

    back = await store.profiles.of_user(user.id)
    assert (back.display_name, back.version) == ("Ada", profile.version + 2)
    assert await store.profiles.of_user(other.id) == theirs
