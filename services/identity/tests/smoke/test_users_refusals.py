"""What is refused to staff: bodies with faults, more than they hold themselves, and the last superadmin."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from identity_rooms import Fakes, Visitor, bearer
from identity_users import ACTIONS, BODIES, COMMANDS, add_user, path_of
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.user.entity import User, UserStatus

USERS = "/api/v1/identity/users"
METHODS = {"change_user_roles": "PUT", "delete_user": "DELETE"}
ON_USERS = [*ACTIONS, "restore_user"]


async def signed_in(visitor: Visitor, address: str, *roles: str) -> dict[str, str]:
    """The headers of a new user with these roles."""
    return bearer((await visitor.sign_up(f"{'-'.join(roles)}-{address}", *roles))["access_token"])


async def ask(
    visitor: Visitor, operation: str, user: User, headers: dict[str, str], body: Any = None
) -> httpx.Response:
    """One of the commands on a user."""
    content = {} if (body or BODIES.get(operation)) is None else {"json": body or BODIES[operation]}
    path = path_of(user, COMMANDS.get(operation, ""))
    return await visitor.client.request(METHODS.get(operation, "POST"), path, headers=headers, **content)


async def untouched(fakes: Fakes, user: User) -> bool:
    """Whether nothing has been written to the user, nor anything recorded of him."""
    stored = await fakes.users.get_with_deleted(user.id)
    return stored.version == user.version and not fakes.trail.entries and not fakes.revocations.added


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, {("/email", "required"), ("/roles", "required")}),
        ({"email": "nobody", "roles": []}, {("/email", "invalid-email"), ("/roles", "invalid-length")}),
        (
            {"email": "a@example.com", "roles": ["", "x" * 101]},
            {("/roles/0", "invalid-length"), ("/roles/1", "invalid-length")},
        ),
        ({"email": "a@example.com", "roles": "user"}, {("/roles", "wrong-type")}),
        ({"email": "a@example.com", "roles": ["user"] * 51}, {("/roles", "invalid-length")}),
        (
            {"email": "a@example.com", "roles": ["user", "guest", "nothing"]},
            {("/roles/1", "no-ones-role"), ("/roles/2", "unknown-role")},
        ),
        (
            {"email": "a@example.com", "roles": ["user"], "display_name": "", "password": "x"},
            {("/display_name", "too-short"), ("/password", "unknown-field")},
        ),
    ],
    ids=range(7),
)
async def test_invitations_with_faults(
    visitor: Visitor, address: str, body: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    """Every one of them is named."""
    answer = await visitor.client.post(USERS, json=body, headers=await signed_in(visitor, address, "superadmin"))

    assert faults_of(answer) == faults


@pytest.mark.parametrize(
    ("operation", "body", "faults"),
    [
        ("suspend_user", {"until": "2001-01-01T00:00:00Z"}, {("/reason", "required"), ("/until", "not-in-future")}),
        ("suspend_user", {"reason": " ", "until": "tomorrow"}, {("/reason", "too-short"), ("/until", "invalid-time")}),
        ("suspend_user", {"reason": "x" * 501, "until": 5}, {("/reason", "too-long"), ("/until", "not-a-text")}),
        ("suspend_user", {"reason": "x", "until": "2999-12-31T00:00:00"}, {("/until", "invalid-time")}),
        (
            "suspend_user",
            {"reason": "two\nlines", "for": 1},
            {("/reason", "control-character"), ("/for", "unknown-field")},
        ),
        ("change_user_roles", {"role": ["user"]}, {("/roles", "required"), ("/role", "unknown-field")}),
        ("change_user_roles", {"roles": []}, {("/roles", "invalid-length")}),
        ("change_user_roles", {"roles": ["guest", "x"]}, {("/roles/0", "no-ones-role"), ("/roles/1", "unknown-role")}),
        ("reinstate_user", {"reason": "x"}, {("/reason", "unknown-field")}),
        ("unlock_user", {"reason": "x"}, {("/reason", "unknown-field")}),
        ("restore_user", {"reason": "x"}, {("/reason", "unknown-field")}),
    ],
)
async def test_commands_with_faults(
    visitor: Visitor, fakes: Fakes, address: str, operation: str, body: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    """Every one of them is named, and nothing is done."""
    user = await add_user(fakes.rooms.administration)

    answer = await ask(visitor, operation, user, await signed_in(visitor, address, "superadmin"), body)

    assert faults_of(answer) == faults
    assert await untouched(fakes, user)


@pytest.mark.parametrize("operation", ON_USERS)
@pytest.mark.parametrize("role", ["superadmin", "admin"])
async def test_nobody_changes_a_user_who_holds_what_he_lacks(
    visitor: Visitor, fakes: Fakes, address: str, operation: str, role: str
) -> None:
    """An admin changes another admin, but no superadmin, in whichever state."""
    caller = await signed_in(visitor, address, "admin")
    states = {"reinstate_user": UserStatus.SUSPENDED, "restore_user": UserStatus.DELETED}
    user = await add_user(fakes.rooms.administration, states.get(operation, UserStatus.ACTIVE), (role,))

    answer = await ask(visitor, operation, user, caller)

    if role == "admin":
        assert answer.is_success, answer.text
        return
    problem_of(answer, 403, "permission-not-held")
    assert await untouched(fakes, user)


@pytest.mark.parametrize("roles", [["superadmin"], ["user", "superadmin"]])
async def test_nobody_gives_what_he_lacks(visitor: Visitor, fakes: Fakes, address: str, roles: list[str]) -> None:
    """Neither to a user, nor to somebody he invites, nor to himself."""
    caller = await signed_in(visitor, address, "admin")
    himself, other = await visitor.user(f"admin-{address}"), await add_user(fakes.rooms.administration)

    for user in (himself, other):
        problem_of(await ask(visitor, "change_user_roles", user, caller, {"roles": roles}), 403, "permission-not-held")
        assert await untouched(fakes, user)
    invited = await visitor.client.post(USERS, json={"email": address, "roles": roles}, headers=caller)
    problem_of(invited, 403, "permission-not-held")
    assert await fakes.users.find_by_email(other.email) is not None


async def test_an_invitation_by_higher_staff_stays_theirs(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Who was invited as a superadmin is not taken over by an admin who invites him as less."""
    higher, lower = [await signed_in(visitor, address, role) for role in ("superadmin", "admin")]
    invited = {"email": address, "roles": ["superadmin"]}
    assert (await visitor.client.post(USERS, json=invited, headers=higher)).status_code == 201

    answer = await visitor.client.post(USERS, json={**invited, "roles": ["user"]}, headers=lower)

    problem_of(answer, 403, "permission-not-held")
    assert (await visitor.user(address)).roles == ("superadmin",)


@pytest.mark.parametrize("operation", ["suspend_user", "delete_user", "change_user_roles"])
async def test_the_last_superadmin_stays(visitor: Visitor, fakes: Fakes, address: str, operation: str) -> None:
    """Suspended, pending and deleted ones do not count; when there is another one, it is done."""
    caller = await signed_in(visitor, address, "superadmin")
    himself, room = await visitor.user(f"superadmin-{address}"), fakes.rooms.administration
    for status in (UserStatus.PENDING, UserStatus.SUSPENDED, UserStatus.DELETED):
        await add_user(room, status, ("superadmin",))

    problem_of(await ask(visitor, operation, himself, caller), 409, "last-superadmin")
    assert await untouched(fakes, himself)
    await add_user(room, roles=("user", "superadmin"))

    assert (await ask(visitor, operation, himself, caller)).is_success


async def test_a_superadmin_may_get_more_roles(visitor: Visitor, address: str) -> None:
    """He stays one, so it does not matter that he is the last."""
    caller = await signed_in(visitor, address, "superadmin")
    himself = await visitor.user(f"superadmin-{address}")

    answer = await ask(visitor, "change_user_roles", himself, caller, {"roles": ["user", "superadmin"]})

    assert answer.json()["roles"] == ["user", "superadmin"]


@pytest.mark.parametrize("role", ["user", "manager", None])
async def test_what_needs_a_permission_is_refused_without(
    visitor: Visitor, fakes: Fakes, address: str, role: str | None
) -> None:
    """A manager may look, a user may not, and nobody without a token."""
    headers = await signed_in(visitor, address, role) if role else {}
    user = await add_user(fakes.rooms.administration)

    reads = [await visitor.client.get(path, headers=headers) for path in (USERS, path_of(user))]
    writes = [await ask(visitor, operation, user, headers) for operation in ON_USERS]
    writes.append(await visitor.client.post(USERS, json={"email": address, "roles": ["user"]}, headers=headers))

    assert {each.status_code for each in reads} == {{"user": 403, "manager": 200, None: 401}[role]}
    assert {each.status_code for each in writes} == {403 if role else 401}
    assert await untouched(fakes, user)
