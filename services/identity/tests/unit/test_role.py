"""Roles: what they are called, what they hold, and that nobody gives through them what he lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from identity_rooms import Fakes
from promenade_chassis.auth import MAX_TOKEN_LENGTH
from promenade_chassis.ports import DomainError, PageRequest, Principal, utc_now
from promenade_identity.role.entity import (
    MOST_ROLES,
    PermissionNotHeld,
    Role,
    RoleDescription,
    RoleName,
    SystemRole,
    require_held,
    without_included,
)
from promenade_identity.role.repository import RoleFilter
from promenade_identity.role.use_cases import RoleChanges, RoleRoom, change_role, create_role, delete_role
from promenade_identity.user.entity import User
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.permissions import EVERYTHING, PERMISSIONS, RESOURCES, SYSTEM_ROLES, Permission

# What may be held today, and an action of each resource, and a resource, that a later release will add.
ATOMS = frozenset(PERMISSIONS) | {f"{resource}:later" for resource in RESOURCES} | {"later:later"}
HOLDABLE = sorted({*PERMISSIONS, *(f"{resource}:*" for resource in RESOURCES), EVERYTHING})
some_permissions = st.frozensets(st.sampled_from(HOLDABLE), max_size=6)


def atoms_of(permissions: Collection[str]) -> frozenset[str]:
    """Every single thing that these allow, today and later: said another way than the code says it."""
    return frozenset(
        atom
        for atom in ATOMS
        for resource, action in [atom.split(":")]
        if {f"{resource}:{action}", f"{resource}:*", "*:*"} & set(permissions)
    )


@pytest.mark.parametrize("name", ["ab", "back-office", "a1-2b-c3", "x" * 50])
def test_names_are_in_lower_kebab_case(name: str) -> None:
    """2 to 50 characters."""
    assert RoleName(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "x" * 51, "Back", "back_office", "-back", "back-", "a--b", "1a", "a b", "ä-b", "ab\n", "*:*"]
)
def test_other_names_are_refused(name: str) -> None:
    """With their own code."""
    with pytest.raises(InvalidValue) as refused:
        RoleName(name)

    assert refused.value.code == "invalid-role-name"


def test_a_description_is_one_line() -> None:
    """Trimmed, of up to 200 characters."""
    assert RoleDescription("  Looks after orders ") == "Looks after orders"
    for wrong in ("", " ", "x" * 201, "two\nlines"):
        with pytest.raises(InvalidValue):
            RoleDescription(wrong)


def test_a_role_holds_what_it_is_told() -> None:
    """All of it, as it was said, and nothing that was not."""
    role = Role(name="back-office", added=frozenset({"orders:read"}))

    role.change_permissions(["orders:*", "orders:read"])

    assert role.permissions == {"orders:*", "orders:read"}
    assert not role.is_system


@pytest.mark.parametrize("name", SYSTEM_ROLES)
def test_a_system_role_holds_what_this_release_gives_it(name: str) -> None:
    """Whatever is stored: a release that adds a permission needs no migration."""
    assert Role(name=name).permissions == SYSTEM_ROLES[name]
    assert Role(name=name, added=frozenset({"clock:write"})).permissions == SYSTEM_ROLES[name] | {"clock:write"}
    assert Role(name=name).is_system


@pytest.mark.parametrize("name", SYSTEM_ROLES)
def test_a_system_role_stays(name: str) -> None:
    """It cannot be deleted."""
    role = Role(name=name)

    with pytest.raises(SystemRole):
        role.delete(utc_now())

    assert not role.is_deleted


@pytest.mark.parametrize("name", ["superadmin", "admin", "manager"])
def test_a_system_role_is_not_narrowed(name: str) -> None:
    """Not by a single permission; the refusal names those it keeps."""
    role, one = Role(name=name), min(SYSTEM_ROLES[name])

    with pytest.raises(SystemRole, match=one.replace("*", r"\*")):
        role.change_permissions(SYSTEM_ROLES[name] - {one})

    assert role.permissions == SYSTEM_ROLES[name]


def test_a_system_role_is_widened_and_taken_back() -> None:
    """Only what was added is stored, so that the minimum stays that of the release."""
    role = Role(name="manager")

    role.change_permissions(SYSTEM_ROLES["manager"] | {"audit:read"})
    assert (role.added, role.permissions) == ({"audit:read"}, SYSTEM_ROLES["manager"] | {"audit:read"})

    role.change_permissions(SYSTEM_ROLES["manager"])
    assert role.added == frozenset()


def test_a_wildcard_covers_the_minimum() -> None:
    """Who sends `*:*` for a role of the system narrows nothing."""
    role = Role(name="admin")

    role.change_permissions([EVERYTHING])

    assert role.permissions == SYSTEM_ROLES["admin"] | {EVERYTHING}


def test_nothing_is_added_to_what_is_everything() -> None:
    """The superadmin holds it already: nothing changes."""
    role = Role(name="superadmin")

    role.change_permissions([EVERYTHING, "orders:read"])

    assert role.permissions == {EVERYTHING}


def test_a_guest_cannot_be_given_anything() -> None:
    """Who has not signed in has no token: the change would have no effect, so it is refused."""
    role = Role(name="guest")

    with pytest.raises(SystemRole, match="not signed in"):
        role.change_permissions(["orders:read"])

    role.change_permissions([])
    assert role.permissions == frozenset()


@given(some_permissions)
def test_what_is_included_is_left_out_without_loss(permissions: frozenset[str]) -> None:
    """The shorter set allows the same, today and later, and none of it could be left out."""
    shorter = without_included(permissions)

    assert atoms_of(shorter) == atoms_of(permissions)
    assert all(atoms_of(shorter - {each}) < atoms_of(shorter) for each in shorter)


def test_all_actions_are_no_wildcard() -> None:
    """Who holds every action of today does not hold those to come."""
    deals = frozenset({"deals:read", "deals:write", "deals:close"})

    assert without_included(deals) == deals


@given(some_permissions, some_permissions)
def test_one_holds_what_his_permissions_include(held: frozenset[str], asked: frozenset[str]) -> None:
    """Wildcards count; whatever is not included is refused."""
    principal = Principal(id=uuid4(), permissions=held)

    if atoms_of(asked) <= atoms_of(held):
        require_held(principal, asked)
    else:
        with pytest.raises(PermissionNotHeld):
            require_held(principal, asked)


async def test_the_longest_token_is_one_that_verifiers_take() -> None:
    """As many roles as a user may have, of the longest names, with every permission there is."""
    user = User(
        email=Email("a@example.com"), roles=tuple(f"{number:02}".rjust(50, "x") for number in range(MOST_ROLES))
    )

    token = await Fakes().rooms.session.access_tokens.issue(user, PERMISSIONS, uuid4(), utc_now())

    assert len(token) <= MAX_TOKEN_LENGTH


Command = Callable[[Principal, RoleRoom], object]
names = st.sampled_from(["one", "two", *SYSTEM_ROLES])
commands = st.one_of(
    st.builds(
        lambda name, wanted: lambda who, room: create_role(name, None, wanted, principal=who, room=room),
        names,
        some_permissions,
    ),
    st.builds(
        lambda name, wanted, keeps: (
            lambda who, room: change_role(
                name,
                RoleChanges(permissions=wanted | SYSTEM_ROLES.get(name, frozenset()) if keeps else wanted),
                expected_version=None,
                principal=who,
                room=room,
            )
        ),
        names,
        some_permissions,
        st.booleans(),
    ),
    st.builds(lambda name: lambda who, room: delete_role(name, expected_version=None, principal=who, room=room), names),
)


@given(some_permissions, some_permissions, st.lists(commands, max_size=6))
def test_nobody_gives_what_he_lacks(held: frozenset[str], there: frozenset[str], tried: list[Command]) -> None:
    """Whatever he holds, whatever the roles hold, whatever he tries: he writes nothing into a role that he lacks, and
    no role that holds or held what he lacks is other than before."""
    asyncio.run(try_all(held, there, tried))


async def try_all(held: frozenset[str], there: frozenset[str], tried: list[Command]) -> None:
    fakes, caller = Fakes(), Principal(id=uuid4(), permissions=held)
    async with fakes.unit_of_work.begin():
        await fakes.roles.add(Role(name="one", added=there))
    for command in tried:
        before = await all_roles(fakes)
        with suppress(DomainError):
            await command(caller, fakes.rooms.role)  # type: ignore[misc]  # each is a coroutine of its own kind
        after = await all_roles(fakes)
        for name in before.keys() | after.keys():
            was, is_now = before.get(name), after.get(name)
            if was != is_now:
                assert atoms_of((was or frozenset()) | (is_now or frozenset())) <= atoms_of(held), name


async def all_roles(fakes: Fakes) -> dict[str, frozenset[str]]:
    page = await fakes.roles.list(RoleFilter(), PageRequest(limit=100))
    return {role.name: role.permissions for role in page.items}


@pytest.mark.parametrize("permission", HOLDABLE)
def test_every_permission_there_is_can_be_held(permission: str) -> None:
    """The catalogue, a wildcard for each resource, and the one for all."""
    assert Permission(permission) == permission
