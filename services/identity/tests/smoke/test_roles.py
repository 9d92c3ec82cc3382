"""Roles and the catalogue of permissions: the routes with fakes behind them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import jwt
import pytest
from identity_rooms import BASE, Fakes, Visitor, bearer
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.audit.entity import Action
from promenade_identity.user.entity import User
from promenade_kernel.values.permissions import EVERYTHING, PERMISSIONS, SYSTEM_ROLES

ROLES = "/roles"
BACK_OFFICE = {"name": "back-office", "description": "Looks after orders", "permissions": ["orders:update", "orders:*"]}
PATH = f"{ROLES}/back-office"


@pytest.fixture
async def superadmin(visitor: Visitor) -> str:
    """The token of somebody who may do everything."""
    return await visitor.staff(f"{uuid4().hex}@example.com", EVERYTHING)


@pytest.fixture
async def clerk(visitor: Visitor) -> str:
    """The token of somebody who writes roles and reads orders, no more."""
    return await visitor.staff(f"{uuid4().hex}@example.com", "roles:read", "roles:write", "orders:read")


async def made(visitor: Visitor, token: str, **more: Any) -> dict[str, Any]:
    answer = await visitor.post(ROLES, {**BACK_OFFICE, **more}, token)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def give(visitor: Visitor, address: str, *roles: str) -> None:
    def appoint(user: User) -> None:
        user.roles = roles

    await visitor.change(address, appoint)


def claims_of(tokens: dict[str, Any]) -> dict[str, Any]:
    return jwt.decode(tokens["access_token"], options={"verify_signature": False})


async def test_a_role_is_made_and_read(visitor: Visitor, superadmin: str) -> None:
    """The answer is the whole resource, as GET shows it where Location says."""
    answer = await visitor.post(ROLES, BACK_OFFICE, superadmin)

    assert answer.status_code == 201
    role = answer.json()
    assert role | BACK_OFFICE == {**role, "permissions": ["orders:update", "orders:*"]}
    assert (role["permissions"], role["is_system"], role["version"]) == (["orders:*", "orders:update"], False, 1)
    assert (answer.headers["location"], answer.headers["etag"]) == (BASE + PATH, '"1"')
    read = await visitor.get(PATH, superadmin)
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, role, '"1"')


async def test_every_installation_has_five_roles(visitor: Visitor, superadmin: str) -> None:
    """With what the kernel says they hold; others are told apart by a filter."""
    await made(visitor, superadmin)

    system = (await visitor.get(f"{ROLES}?is_system=true", superadmin)).json()["items"]
    others = (await visitor.get(f"{ROLES}?is_system=false&limit=1", superadmin)).json()["items"]

    assert {role["name"]: role["permissions"] for role in system} == {
        name: sorted(permissions) for name, permissions in SYSTEM_ROLES.items()
    }
    assert all(role["is_system"] for role in system)
    assert [role["name"] for role in others] == ["back-office"]


async def test_the_catalogue_is_shown_with_its_meanings(visitor: Visitor, clerk: str) -> None:
    """All of it, in one page of the shape that lists have."""
    shown = (await visitor.get("/permissions", clerk)).json()

    assert {each["name"]: each["meaning"] for each in shown["items"]} == PERMISSIONS
    assert [each["name"] for each in shown["items"]] == sorted(PERMISSIONS)
    assert shown["next_cursor"] is None


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ROLES), ("GET", PATH), ("GET", "/permissions"), ("POST", ROLES)], ids=str
)
async def test_roles_are_for_who_may_see_or_write_them(visitor: Visitor, address: str, method: str, path: str) -> None:
    """An ordinary user is refused, and so is who is not signed in."""
    token = (await visitor.sign_up(address))["access_token"]

    refused = await visitor.client.request(method, BASE + path, headers=bearer(token))
    anonymous = await visitor.client.request(method, BASE + path)

    problem_of(refused, 403, "forbidden")
    problem_of(anonymous, 401, "unauthenticated")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_reading_is_not_writing(visitor: Visitor, method: str) -> None:
    """roles:read changes nothing."""
    reader = await visitor.staff(f"{uuid4().hex}@example.com", "roles:read", "orders:read")
    path = BASE + (ROLES if method == "POST" else f"{ROLES}/user")

    answer = await visitor.client.request(method, path, headers=bearer(reader))

    problem_of(answer, 403, "forbidden")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "Back Office"}, ("/name", "invalid-role-name")),
        ({"name": "x"}, ("/name", "invalid-role-name")),
        ({"name": None}, ("/name", "not-a-text")),
        ({"permissions": ["orders:read", "tea:brew"]}, ("/permissions/1", "unknown-permission")),
        ({"permissions": ["tea:*"]}, ("/permissions/0", "unknown-permission")),
        ({"permissions": ["*"]}, ("/permissions/0", "unknown-permission")),
        ({"permissions": ["orders:read"] * 201}, ("/permissions", "invalid-length")),
        ({"permissions": None}, ("/permissions", "wrong-type")),
        ({"description": ""}, ("/description", "too-short")),
        ({"is_system": True}, ("/is_system", "unknown-field")),
    ],
    ids=lambda each: each[1] if isinstance(each, tuple) else "-".join(each),
)
async def test_what_is_no_role_is_refused(
    visitor: Visitor, superadmin: str, change: dict[str, Any], fault: tuple[str, str]
) -> None:
    """422, with the place and the kind of fault."""
    answer = await visitor.post(ROLES, {**BACK_OFFICE, **change}, superadmin)

    assert faults_of(answer) == {fault}


@pytest.mark.parametrize("name", ["back-office", *SYSTEM_ROLES])
async def test_a_name_is_taken_once(visitor: Visitor, superadmin: str, name: str) -> None:
    """Those of the system are taken from the start."""
    await made(visitor, superadmin)

    answer = await visitor.post(ROLES, {**BACK_OFFICE, "name": name}, superadmin)

    problem_of(answer, 409, "role-exists")


@pytest.mark.parametrize(
    ("name", "status"), [("nobodys", 404), ("No_Name", 400), ("a%00b", 400), ("x" * 51, 400), ("%F0%9F%A6%89", 400)]
)
async def test_a_role_that_is_not_there_is_not_found(visitor: Visitor, superadmin: str, name: str, status: int) -> None:
    """404; what is no name of a role is told so."""
    path = f"{BASE}{ROLES}/{name}"

    answers = [
        await visitor.client.get(path, headers=bearer(superadmin)),
        await visitor.client.patch(path, json={}, headers=bearer(superadmin)),
        await visitor.client.delete(path, headers=bearer(superadmin)),
    ]

    assert [answer.status_code for answer in answers] == [status] * 3


async def test_a_role_is_changed_field_by_field(visitor: Visitor, superadmin: str) -> None:
    """What is not named stays; null clears the description."""
    await made(visitor, superadmin)

    described = await visitor.patch(PATH, {"description": "Packs"}, superadmin)
    narrowed = await visitor.patch(PATH, {"permissions": ["orders:read", "orders:read"]}, superadmin)
    cleared = await visitor.patch(PATH, {"description": None}, superadmin)

    texts = [(answer.json()["description"], answer.json()["permissions"]) for answer in (described, narrowed, cleared)]
    assert texts == [
        ("Packs", ["orders:*", "orders:update"]),
        ("Packs", ["orders:read"]),
        (None, ["orders:read"]),
    ]
    assert cleared.json() == (await visitor.get(PATH, superadmin)).json()


async def test_a_name_stays(visitor: Visitor, superadmin: str) -> None:
    """Users have the role by it."""
    await made(visitor, superadmin)

    answer = await visitor.patch(PATH, {"name": "front-office"}, superadmin)

    assert faults_of(answer) == {("/name", "unknown-field")}


@pytest.mark.parametrize("permissions", [["orders:update"], ["orders:*"], [EVERYTHING], ["orders:read", "audit:read"]])
async def test_nobody_writes_what_he_lacks(visitor: Visitor, clerk: str, permissions: list[str]) -> None:
    """Not into a new role, nor into one that he may change; a wildcard is more than its parts."""
    await made(visitor, clerk, permissions=["orders:read"])

    new = await visitor.post(ROLES, {"name": "escalation", "permissions": permissions}, clerk)
    old = await visitor.patch(PATH, {"permissions": permissions}, clerk)
    everybodys = await visitor.patch(f"{ROLES}/user", {"permissions": permissions}, clerk)

    for answer in (new, old, everybodys):
        problem_of(answer, 403, "permission-not-held")
    assert (await visitor.get(PATH, clerk)).json()["permissions"] == ["orders:read"]
    problem_of(await visitor.get(f"{ROLES}/escalation", clerk), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"description": "mine"}), ("PATCH", {"permissions": []}), ("DELETE", None)], ids=str
)
@pytest.mark.parametrize("name", ["back-office", "manager", "superadmin"])
async def test_nobody_touches_a_role_that_holds_what_he_lacks(
    visitor: Visitor, superadmin: str, clerk: str, name: str, method: str, body: dict[str, Any] | None
) -> None:
    """Not even to say what it is for; it stays as it is."""
    await made(visitor, superadmin)
    before = (await visitor.get(f"{ROLES}/{name}", clerk)).json()

    answer = await visitor.client.request(method, f"{BASE}{ROLES}/{name}", json=body, headers=bearer(clerk))

    problem_of(answer, 403, "permission-not-held")
    assert (await visitor.get(f"{ROLES}/{name}", clerk)).json() == before


@pytest.mark.parametrize("name", SYSTEM_ROLES)
async def test_system_roles_are_not_deleted(visitor: Visitor, superadmin: str, name: str) -> None:
    """Not by anybody."""
    answer = await visitor.delete(f"{ROLES}/{name}", superadmin)

    problem_of(answer, 409, "system-role")
    assert (await visitor.get(f"{ROLES}/{name}", superadmin)).status_code == 200


async def test_system_roles_are_widened_not_narrowed(visitor: Visitor, superadmin: str) -> None:
    """More may be added and taken away again, never what they come with."""
    path, minimum = f"{ROLES}/manager", sorted(SYSTEM_ROLES["manager"])

    wider = await visitor.patch(path, {"permissions": [*minimum, "audit:read"]}, superadmin)
    narrower = await visitor.patch(path, {"permissions": [*minimum[1:], "audit:read"]}, superadmin)
    again = await visitor.patch(path, {"permissions": minimum}, superadmin)

    assert wider.json()["permissions"] == sorted([*minimum, "audit:read"])
    assert minimum[0] in problem_of(narrower, 409, "system-role")["detail"]
    assert again.json()["permissions"] == minimum


async def test_guests_are_not_given_permissions(visitor: Visitor, superadmin: str) -> None:
    """Nothing would come of it, so it is not said to be done; what the role is for may be said otherwise."""
    refused = await visitor.patch(f"{ROLES}/guest", {"permissions": ["orders:read"]}, superadmin)
    described = await visitor.patch(f"{ROLES}/guest", {"description": "Strangers", "permissions": []}, superadmin)

    assert "not signed in" in problem_of(refused, 409, "system-role")["detail"]
    assert (described.json()["description"], described.json()["permissions"]) == ("Strangers", [])


async def test_a_deleted_role_is_gone_and_its_name_free(visitor: Visitor, superadmin: str) -> None:
    """204, then 404; another one of the name is another one."""
    first = await made(visitor, superadmin)

    answer = await visitor.delete(PATH, superadmin)

    assert (answer.status_code, answer.content) == (204, b"")
    problem_of(await visitor.get(PATH, superadmin), 404, "not-found")
    assert (await made(visitor, superadmin))["id"] != first["id"]


async def test_a_role_that_somebody_has_stays(visitor: Visitor, superadmin: str, address: str) -> None:
    """Until it is nobody's; a deleted user has none, and does not come back with a later one of the name."""
    await made(visitor, superadmin)
    await visitor.activate(address)
    await give(visitor, address, "user", "back-office")
    problem_of(await visitor.delete(PATH, superadmin), 409, "role-in-use")
    user = await visitor.user(address)

    user.delete(user.created_at)
    async with visitor.fakes.unit_of_work.begin():
        await visitor.fakes.users.save(user)

    assert (await visitor.delete(PATH, superadmin)).status_code == 204
    assert [each.roles for each in visitor.fakes.users.all() if each.id == user.id] == [("user",)]


async def test_a_change_is_in_the_next_token(visitor: Visitor, superadmin: str, address: str) -> None:
    """At refresh and at login; /me shows it at once."""
    await made(visitor, superadmin)
    await visitor.activate(address)
    await give(visitor, address, "user", "back-office")
    tokens = await visitor.login(address)
    assert claims_of(tokens)["permissions"] == ["orders:*"]

    await visitor.patch(PATH, {"permissions": ["orders:read", "deals:read"]}, superadmin)

    refreshed = (await visitor.refresh(tokens["refresh_token"])).json()
    expected = ["deals:read", "orders:read"]
    assert claims_of(refreshed)["permissions"] == claims_of(await visitor.login(address))["permissions"] == expected
    assert (await visitor.get("/me", tokens["access_token"])).json()["permissions"] == expected


async def test_tokens_of_all_holders_become_stale(visitor: Visitor, fakes: Fakes, superadmin: str) -> None:
    """Each epoch rises and is revoked, announced once and before the answer; nobody else's does."""
    await made(visitor, superadmin)
    addresses = [f"{uuid4().hex}@example.com" for _ in range(3)]
    for address in addresses:
        await visitor.activate(address)
    for address in addresses[:2]:
        await give(visitor, address, "user", "back-office")

    answer = await visitor.patch(PATH, {"permissions": ["orders:read"]}, superadmin)

    assert answer.status_code == 200
    holders = [await visitor.user(address) for address in addresses]
    assert [user.authz_epoch for user in holders] == [1, 1, 0]
    assert {(each.subject, each.value) for each in fakes.revocations.added} == {
        (str(user.id), 1) for user in holders[:2]
    }
    assert fakes.announcements.announced == [2]


@pytest.mark.parametrize(
    "body", [{}, {"description": "Packs"}, {"permissions": ["orders:update", "orders:*"]}], ids=str
)
async def test_without_other_permissions_no_token_becomes_stale(
    visitor: Visitor, fakes: Fakes, superadmin: str, address: str, body: dict[str, Any]
) -> None:
    """Holders go on with the tokens they have."""
    await made(visitor, superadmin)
    await visitor.activate(address)
    await give(visitor, address, "back-office")

    assert (await visitor.patch(PATH, body, superadmin)).status_code == 200

    assert (await visitor.user(address)).authz_epoch == 0
    assert (fakes.revocations.added, fakes.announcements.announced) == ([], [])


async def test_who_did_what_is_taken_down(visitor: Visitor, fakes: Fakes, superadmin: str) -> None:
    """By the role's name, with what was added and removed; what is refused is no such entry."""
    actor = (await visitor.get("/me", superadmin)).json()["user"]["id"]

    await made(visitor, superadmin)
    await visitor.patch(PATH, {"permissions": ["orders:*", "deals:read"]}, superadmin)
    problem_of(await visitor.patch(f"{ROLES}/admin", {"permissions": []}, superadmin), 409, "system-role")
    problem_of(await visitor.delete(f"{ROLES}/admin", superadmin), 409, "system-role")
    problem_of(await visitor.post(ROLES, BACK_OFFICE, superadmin), 409, "role-exists")
    await visitor.delete(PATH, superadmin)

    told = fakes.trail.told_of("role")
    assert {str(entry[1]) for entry in told} == {actor}
    assert [(action, subject, details) for action, _, subject, details in told] == [
        (Action.CREATE_ROLE, "back-office", {"permissions": ["orders:*", "orders:update"]}),
        (Action.CHANGE_ROLE, "back-office", {"added": ["deals:read"], "removed": ["orders:update"]}),
        (Action.DELETE_ROLE, "back-office", None),
    ]


async def test_roles_of_no_name_give_nothing(visitor: Visitor, address: str) -> None:
    """A user with a role that is no more has what his others give."""
    await visitor.activate(address)
    await give(visitor, address, "user", "manager", "forgotten")

    claims = claims_of(await visitor.login(address))

    assert claims["permissions"] == sorted(SYSTEM_ROLES["manager"])
