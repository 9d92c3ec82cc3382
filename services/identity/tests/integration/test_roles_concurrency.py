"""Roles that change while tokens are issued and roles are given, on several real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextvars import Context
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

import jwt
import pytest
from identity_service import PASSWORD, active_user, fresh_address
from promenade_chassis.database import Database
from promenade_chassis.ports import Invalid, Principal, utc_now
from promenade_chassis.testing.polling import eventually
from promenade_identity.furniture import Engines, Rooms
from promenade_identity.password.entity import NewPassword
from promenade_identity.role.entity import Role, RoleInUse
from promenade_identity.role.repository import Grants
from promenade_identity.role.use_cases import RoleChanges, change_role, delete_role
from promenade_identity.session.use_cases import Client, SessionRoom, SignedIn, login, refresh
from promenade_identity.user.entity import User
from promenade_identity.user.use_cases import create_superadmin
from promenade_kernel.values.email import Email
from redis.asyncio import Redis

Answer = TypeVar("Answer")
OLD, NEW = frozenset({"orders:read"}), frozenset({"deals:read"})
SUPERADMIN = Principal(id=uuid4(), permissions=frozenset({"*:*"}))
WAITING = """
SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@dataclass
class HeldUpGrants:
    """Roles as they are, read in two halves: `begun` tells that it is being read, `may_end` lets it go on.

    `reads_first` says on which side of the stop the reading is done.
    """

    grants: Grants
    reads_first: bool
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        found = await self.grants.permissions_of(roles) if self.reads_first else frozenset[str]()
        self.begun.set()
        await self.may_end.wait()
        return found if self.reads_first else await self.grants.permissions_of(roles)

    async def require(self, roles: Collection[str]) -> None:
        await self.grants.require(roles)


@dataclass(frozen=True)
class Scene:
    """A role that one user has, and the steps of these tests."""

    rooms: Rooms
    database: Database
    redis: Redis
    role: str
    address: Email

    async def change(self, permissions: frozenset[str], role: str | None = None) -> None:
        await change_role(
            role or self.role,
            RoleChanges(permissions=permissions),
            expected_version=None,
            principal=SUPERADMIN,
            room=self.rooms.role,
        )

    async def sign_in(self, room: SessionRoom | None = None) -> SignedIn:
        return await login(self.address, PASSWORD, client=Client(), room=room or self.rooms.session)

    async def refresh(self, token: str, room: SessionRoom | None = None) -> SignedIn:
        return await refresh(token, client=Client(), room=room or self.rooms.session)

    async def is_accepted(self, token: str) -> bool:
        """Whether the gateway lets it pass: its epoch is none that was revoked."""
        claims = claims_of(token)
        lowest = await self.redis.get(f"{{auth}}:epoch:{claims['sub']}")
        return lowest is None or claims["epoch"] >= int(lowest)

    async def until_somebody_waits(self) -> None:
        async def look() -> None:
            async with self.database.reading_connection() as connection:
                row = await (await connection.execute(WAITING)).fetchone()
            assert row is not None
            assert row["n"] > 0

        # Inside a transaction PostgreSQL shows the same picture again and again.
        await aside(eventually(look))

    async def add_role(self, permissions: frozenset[str]) -> str:
        role = Role(name=f"role-{uuid4().hex}", added=permissions)
        async with self.database.begin():
            await self.rooms.role.roles.add(role)
        return role.name

    async def user(self) -> User:
        user = await self.rooms.user.users.find_by_email(self.address)
        assert user is not None
        return user

    async def give(self, user: User, *roles: str) -> None:
        """In the running transaction."""
        await self.rooms.administration.grants.require(roles)
        user.roles = roles
        await self.rooms.user.users.save(user)


@pytest.fixture
async def scene(rooms: Rooms, engines: Engines, redis_url: str) -> AsyncGenerator[Scene, None]:
    redis = Redis.from_url(redis_url, decode_responses=True)
    scene = Scene(rooms, engines.database, redis, "", await active_user(rooms))
    scene = replace(scene, role=await scene.add_role(OLD))
    async with scene.database.begin():
        await scene.give(await scene.user(), scene.role)
    yield scene
    await redis.aclose()


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def permissions_in(signed_in: SignedIn) -> frozenset[str]:
    return frozenset(claims_of(signed_in.access_token)["permissions"])  # type: ignore[call-overload]  # a list


async def meanwhile(
    scene: Scene, grants: HeldUpGrants, issue: Callable[[SessionRoom], Coroutine[Any, Any, Answer]], *, waits: bool
) -> Answer:
    """Issue a token, stopped inside its transaction, while the role changes; the change `waits` for it or does not."""
    issuing = aside(issue(replace(scene.rooms.session, grants=grants)))
    await grants.begun.wait()
    changing = aside(scene.change(NEW))
    if waits:
        await scene.until_somebody_waits()
        assert not changing.done()
        grants.may_end.set()
        await changing
    else:
        await changing
        grants.may_end.set()
    return await issuing


@pytest.mark.parametrize("reads_first", [True, False], ids=["read", "not-read"])
async def test_a_change_waits_for_whoever_is_signing_in(scene: Scene, reads_first: bool) -> None:
    """The token is issued with the old permissions, and no longer accepted when the change is answered."""
    grants = HeldUpGrants(scene.rooms.session.grants, reads_first)

    signed_in = await meanwhile(scene, grants, scene.sign_in, waits=True)

    assert permissions_in(signed_in) == OLD
    assert not await scene.is_accepted(signed_in.access_token)
    after = await scene.sign_in()
    assert permissions_in(after) == NEW
    assert await scene.is_accepted(after.access_token)


@pytest.mark.parametrize("reads_first", [True, False], ids=["read", "not-read"])
async def test_who_is_refreshing_gets_a_token_of_the_old_epoch(scene: Scene, reads_first: bool) -> None:
    """A change does not wait for him. Whichever permissions he has read, his epoch was read before: refused; the next
    refresh is good."""
    signed_in = await scene.sign_in()
    grants = HeldUpGrants(scene.rooms.session.grants, reads_first)

    refreshed = await meanwhile(scene, grants, lambda room: scene.refresh(signed_in.refresh_token, room), waits=False)

    assert permissions_in(refreshed) == (OLD if reads_first else NEW)
    assert not await scene.is_accepted(refreshed.access_token)
    after = await scene.refresh(refreshed.refresh_token)
    assert permissions_in(after) == NEW
    assert await scene.is_accepted(after.access_token)


async def test_whoever_signs_in_during_a_change_waits_for_it(scene: Scene) -> None:
    """Once the epochs have risen, tokens are issued with what was committed."""
    async with scene.database.begin():
        role = await scene.rooms.role.roles.hold(scene.role)
        role.change_permissions(NEW)
        await scene.rooms.role.roles.save(role)
        await scene.rooms.role.holders.raise_epochs(scene.role, utc_now())
        signing_in = aside(scene.sign_in())
        await scene.until_somebody_waits()
        assert not signing_in.done()

    signed_in = await signing_in

    assert permissions_in(signed_in) == NEW
    assert claims_of(signed_in.access_token)["epoch"] == (await scene.user()).authz_epoch


async def test_after_a_change_no_old_permissions_are_accepted(scene: Scene) -> None:
    """Logins and refreshes all the while: a token has the new permissions, or an epoch that is revoked."""
    tokens = [(await scene.sign_in()).refresh_token for _ in range(4)]
    for permissions in (NEW, OLD, NEW, OLD):
        answers = await asyncio.gather(
            *(scene.refresh(token) for token in tokens),
            *(scene.sign_in() for _ in range(4)),
            scene.change(permissions),
        )

        issued = [each for each in answers if each is not None]
        assert len(issued) == 8
        for each in issued:
            assert permissions_in(each) == permissions or not await scene.is_accepted(each.access_token)
        tokens = [each.refresh_token for each in issued[:4]]


async def test_a_change_knows_who_is_just_given_the_role(scene: Scene) -> None:
    """It waits for whoever gives it, so that the epoch of the new holder rises with the others'."""
    other = await scene.add_role(OLD)
    async with scene.database.begin():
        await scene.give(await scene.user(), scene.role, other)
        changing = aside(scene.change(NEW, other))
        await scene.until_somebody_waits()
        assert not changing.done()

    await changing

    user = await scene.user()
    assert (user.roles, user.authz_epoch) == ((scene.role, other), 1)


async def test_whoever_is_activated_waits_for_a_change_of_his_role(scene: Scene) -> None:
    """He was no holder when the epochs rose, so he becomes one when they have."""
    address = Email(fresh_address())
    async with scene.database.begin():
        await scene.rooms.role.roles.hold("superadmin")
        activating = aside(create_superadmin(address, NewPassword(PASSWORD), room=scene.rooms.user))
        await scene.until_somebody_waits()
        assert await scene.rooms.user.users.find_by_email(address) is None

    assert await activating


async def test_a_role_is_not_deleted_while_it_is_given(scene: Scene) -> None:
    """Deleting waits, and finds that somebody has it."""
    other = await scene.add_role(OLD)
    async with scene.database.begin():
        await scene.give(await scene.user(), other)
        deleting = aside(delete(scene, other))
        await scene.until_somebody_waits()

    with pytest.raises(RoleInUse):
        await deleting


async def test_a_role_is_not_given_while_it_is_deleted(scene: Scene) -> None:
    """Giving waits, and finds that there is none."""

    async def give() -> None:
        async with scene.database.begin():
            await scene.give(await scene.user(), scene.role, other)

    other = await scene.add_role(OLD)
    async with scene.database.begin():
        await delete(scene, other)
        giving = aside(give())
        await scene.until_somebody_waits()

    with pytest.raises(Invalid):
        await giving
    assert (await scene.user()).roles == (scene.role,)


async def test_a_user_does_not_come_back_with_a_role_that_is_deleted_meanwhile(scene: Scene) -> None:
    """Deleting waits for whoever restores him, and finds that he has it."""
    user = await scene.user()
    user.delete(utc_now())
    async with scene.database.begin():
        await scene.rooms.user.users.save(user)

    async with scene.database.begin():
        user.restore(utc_now())
        await scene.rooms.user.users.save(user)
        deleting = aside(delete(scene, scene.role))
        await scene.until_somebody_waits()

    with pytest.raises(RoleInUse):
        await deleting


async def test_two_roles_of_the_same_users_are_changed_at_once(scene: Scene) -> None:
    """One waits for the other, none dies of it, and every change counts."""
    roles = [scene.role, await scene.add_role(OLD)]
    await many_users(scene.database, 400, *roles)

    for permissions in (NEW, OLD, NEW):
        await asyncio.gather(*(scene.change(permissions, role) for role in roles))

    async with scene.database.reading_connection() as connection:
        epochs = await (await connection.execute(EPOCHS, [roles[1]])).fetchall()
    assert [row["epoch"] for row in epochs] == [6]


@pytest.mark.long
async def test_ten_thousand_holders(scene: Scene) -> None:
    """Each has a revocation of a number of its own, and the gateway knows all of them at the answer."""
    ids = await many_users(scene.database, 10_000, scene.role)
    began = asyncio.get_running_loop().time()

    await scene.change(NEW)

    print(f"10,000 holders: {asyncio.get_running_loop().time() - began:.2f} s")
    backlog = await scene.rooms.session.revocations.after(0, utc_now())
    assert (backlog.newest, len(backlog.revocations)) == (10_001, 10_001)
    assert await scene.redis.get("{auth}:mark") == "10001"
    known = await scene.redis.mget([f"{{auth}}:epoch:{each}" for each in ids])
    assert set(known) == {"1"}


EPOCHS = 'SELECT DISTINCT authz_epoch AS epoch FROM "user" WHERE roles @> ARRAY[%s]'
# In an order of their own, so that the tables' order is not that of the ids.
MANY = """
INSERT INTO "user" (id, email, email_key, status, roles, authz_epoch, version, last_sequence, created_at, updated_at)
SELECT id, id || '@example.com', id || '@example.com', 'active', %(roles)s, 0, 1, 0, now(), now()
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, %(count)s)) AS fresh
RETURNING id
"""


async def many_users(database: Database, count: int, *roles: str) -> list[UUID]:
    async with database.begin():
        cursor = await database.writing_connection().execute(MANY, {"count": count, "roles": list(roles)})
        return [row["id"] for row in await cursor.fetchall()]


async def delete(scene: Scene, role: str) -> None:
    await delete_role(role, expected_version=None, principal=SUPERADMIN, room=scene.rooms.role)


def aside(work: Coroutine[Any, Any, Answer]) -> asyncio.Task[Answer]:
    """Work that does not inherit the transaction of the task that begins it."""
    return asyncio.create_task(work, context=Context())
