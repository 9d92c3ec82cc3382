"""What the ports of roles promise: one suite, run against the fakes and against PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest
from identity_fakes_roles import InMemoryHolders, InMemoryRoles
from identity_fakes_users import InMemoryUsers
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import Invalid, NotFound, PageRequest, StaleVersion, UnitOfWork, utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.revocation.entity import Revocation
from promenade_identity.role.entity import MOST_ROLES, Role, RoleExists
from promenade_identity.role.postgres import PostgresGrants, PostgresRoles
from promenade_identity.role.repository import Grants, Holders, RoleFilter, Roles
from promenade_identity.user.entity import User
from promenade_identity.user.postgres import PostgresHolders, PostgresUsers
from promenade_identity.user.repository import Users
from promenade_kernel.values.email import Email
from promenade_kernel.values.permissions import SYSTEM_ROLES

LATER = utc_now() + timedelta(minutes=1)


@dataclass
class Store:
    """A unit of work with the repositories, and the steps of these tests."""

    unit_of_work: UnitOfWork
    roles: Roles
    grants: Grants
    holders: Holders
    users: Users

    async def add(self, *permissions: str, name: str | None = None) -> Role:
        role = Role(name=name or f"role-{uuid4().hex}", description="For tests", added=frozenset(permissions))
        async with self.unit_of_work.begin():
            await self.roles.add(role)
        return role

    async def save(self, role: Role) -> None:
        async with self.unit_of_work.begin():
            await self.roles.save(role)

    async def require(self, *names: str) -> None:
        async with self.unit_of_work.begin():
            await self.grants.require(names)

    async def user(self, *roles: str, deleted: bool = False) -> User:
        user = User(email=Email(f"{uuid4().hex}@example.com"), roles=roles)
        async with self.unit_of_work.begin():
            await self.users.add(user)
            if deleted:
                user.delete(utc_now())
                await self.users.save(user)
        return user

    async def roles_of(self, user: User) -> tuple[str, ...]:
        """The roles of any user, a deleted one too, whom no port shows."""
        if isinstance(self.users, InMemoryUsers):
            return next(each.roles for each in self.users.all() if each.id == user.id)
        assert isinstance(self.unit_of_work, Database)
        async with self.unit_of_work.reading_connection() as connection:
            row = await (await connection.execute('SELECT roles FROM "user" WHERE id = %s', [user.id])).fetchone()
        return tuple(row["roles"]) if row else ()

    async def raise_epochs(self, role: Role) -> set[Revocation]:
        async with self.unit_of_work.begin():
            return set(await self.holders.raise_epochs(role.name, LATER))


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        roles, users = InMemoryRoles(memory), InMemoryUsers(memory)
        return Store(memory, roles, roles, InMemoryHolders(users), users)
    database: Database = request.getfixturevalue("database")
    return Store(
        database,
        PostgresRoles(database),
        PostgresGrants(database),
        PostgresHolders(database),
        PostgresUsers(database),
    )


async def test_what_is_stored_comes_back(store: Store) -> None:
    """Every field equals what was saved."""
    role = await store.add("orders:read", "deals:*")
    assert await store.roles.get(role.name) == role

    role.change_permissions(["orders:cancel"])
    role.describe(None)
    await store.save(role)

    assert await store.roles.get(role.name) == role
    assert role.version == 2


async def test_the_roles_of_the_system_are_there(store: Store) -> None:
    """All that the kernel names, with what it gives them; when it names another one, a migration has to add it."""
    page = await store.roles.list(RoleFilter(is_system=True), PageRequest(limit=100))

    assert {role.name: role.permissions for role in page.items} == SYSTEM_ROLES
    assert all(role.description for role in page.items)


async def test_what_is_added_to_a_system_role_is_stored(store: Store) -> None:
    """Beside what this release gives it."""
    role = await store.roles.get("manager")
    role.change_permissions(SYSTEM_ROLES["manager"] | {"audit:read"})

    await store.save(role)

    assert (await store.roles.get("manager")).added == {"audit:read"}
    assert await store.grants.permissions_of(("manager",)) == SYSTEM_ROLES["manager"] | {"audit:read"}


async def test_a_name_is_unique_among_the_living(store: Store) -> None:
    """Once deleted, it is free; then it means the new one."""
    role = await store.add("orders:read")
    for name in (role.name, "superadmin"):
        with pytest.raises(RoleExists):
            await store.add(name=name)

    role.delete(utc_now())
    await store.save(role)
    with pytest.raises(NotFound):
        await store.roles.get(role.name)
    assert await store.grants.permissions_of((role.name,)) == frozenset()

    again = await store.add("deals:read", name=role.name)
    assert await store.roles.get(role.name) == again


async def test_a_stale_version_loses(store: Store) -> None:
    """Of two who read the same, the second to write is told so."""
    role = await store.add()
    mine, yours = await store.roles.get(role.name), await store.roles.get(role.name)
    await store.save(mine)

    with pytest.raises(StaleVersion):
        await store.save(yours)


async def test_a_role_is_held_inside_a_unit_of_work(store: Store) -> None:
    """Outside there is nothing that could hold it."""
    role = await store.add()

    with pytest.raises(TransactionMisuse):
        await store.roles.hold(role.name)
    async with store.unit_of_work.begin():
        assert await store.roles.hold(role.name) == role
        with pytest.raises(NotFound):
            await store.roles.hold("nobodys")


async def test_roles_add_up(store: Store) -> None:
    """What one wildcard includes is not said twice; names of no role allow nothing."""
    one, two = await store.add("orders:read", "deals:read"), await store.add("orders:*")

    assert await store.grants.permissions_of(()) == frozenset()
    assert await store.grants.permissions_of(("nobodys", "user")) == frozenset()
    assert await store.grants.permissions_of((one.name, two.name, "nobodys")) == {"orders:*", "deals:read"}
    assert await store.grants.permissions_of((one.name, "superadmin", "manager")) == {"*:*"}


async def test_roles_that_are_required_are_there(store: Store) -> None:
    """Each one that is not is named by its place; nobody has more than a token can name."""
    role = await store.add()
    await store.require()
    await store.require("user", role.name, "user")

    with pytest.raises(Invalid) as refused:
        await store.require("nobodys", role.name, "Nobodys")

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/roles/0", "unknown-role"),
        ("/roles/2", "unknown-role"),
    ]
    with pytest.raises(Invalid, match="at most 50"):
        await store.require(*["user"] * (MOST_ROLES + 1))
    with pytest.raises(TransactionMisuse):
        await store.grants.require((role.name,))


async def test_a_living_holder_is_found(store: Store) -> None:
    """Whatever else he has; a deleted one is none, nor one of a role whose name begins alike."""
    role = await store.add()
    await store.user(role.name, deleted=True)
    await store.user(f"{role.name}-too", "user")
    assert not await store.holders.any(role.name)

    await store.user("user", role.name)

    assert await store.holders.any(role.name)


async def test_the_epochs_of_all_holders_rise(store: Store) -> None:
    """In a new version, so that nobody writes the old one back; deleted ones too, of which no token is left."""
    role = await store.add()
    holders = [await store.user("user", role.name), await store.user(role.name)]
    others = [await store.user("user"), await store.user(f"{role.name}-too")]
    await store.user(role.name, deleted=True)
    before = await store.users.get(holders[0].id)

    first, second = await store.raise_epochs(role), await store.raise_epochs(role)

    assert first == {Revocation.of_epochs_before(1, user.id, LATER) for user in holders}
    assert second == {Revocation.of_epochs_before(2, user.id, LATER) for user in holders}
    assert [(await store.users.get(user.id)).authz_epoch for user in (*holders, *others)] == [2, 2, 0, 0]
    after = await store.users.get(holders[0].id)
    assert (after.version, after.updated_at, after.roles) == (before.version + 2, LATER, before.roles)
    before.change_password("another hash")
    async with store.unit_of_work.begin():
        with pytest.raises(StaleVersion):
            await store.users.save(before)


async def test_deleted_users_forget_a_role(store: Store) -> None:
    """The living keep it, and all keep their others; who read the deleted one before does not write it back."""
    role = await store.add()
    living, gone = await store.user("user", role.name), await store.user("user", role.name, deleted=True)

    async with store.unit_of_work.begin():
        await store.holders.forget(role.name, LATER)

    assert await store.users.get(living.id) == living
    assert await store.roles_of(gone) == ("user",)
    with pytest.raises(StaleVersion):
        async with store.unit_of_work.begin():
            await store.users.save(gone)
