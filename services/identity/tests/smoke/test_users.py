"""What staff do with users: the routes with fakes behind them."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import httpx
import pytest
from identity_rooms import PASSWORD, Fakes, Visitor, bearer
from identity_users import ACTIONS, BODIES, COMMANDS, add_user, path_of, user_in
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_identity.administration.use_cases import reinstate_due_users
from promenade_identity.audit.entity import Action
from promenade_identity.revocation.entity import RevocationKind
from promenade_identity.user.entity import LOCK_EVERY, User, UserStatus
from promenade_kernel.events.identity import UserDeleted, UserReinstated, UserRestored, UserRolesChanged, UserSuspended

USERS = "/api/v1/identity/users"
LIVING = [UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED]
METHODS = {"change_user_roles": "PUT", "delete_user": "DELETE"}


@pytest.fixture
async def staff(visitor: Visitor, address: str) -> Visitor:
    """A visitor who may do everything."""
    tokens = await visitor.sign_up(f"staff-{address}", "superadmin")
    visitor.client.headers.update(bearer(tokens["access_token"]))
    return visitor


async def give(staff: Visitor, user: User, operation: str, body: Any = None, **headers: str) -> httpx.Response:
    """One of the commands on a user."""
    content = {} if (body or BODIES.get(operation)) is None else {"json": body or BODIES[operation]}
    path = path_of(user, COMMANDS.get(operation, ""))
    return await staff.client.request(METHODS.get(operation, "POST"), path, headers=headers, **content)


async def shown(staff: Visitor, user: User) -> dict[str, Any]:
    """The user as staff see him."""
    answer = await staff.client.get(path_of(user))
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("status", "operation"), list(product(LIVING, ACTIONS)), ids=str)
async def test_every_command_in_every_state(staff: Visitor, fakes: Fakes, status: UserStatus, operation: str) -> None:
    """What the table has is done, and leads where it says; all else is refused, naming what is possible."""
    user = await add_user(fakes.rooms.administration, status)
    before, target = await shown(staff, user), User.machine.table[ACTIONS[operation]].get(status)

    answer = await give(staff, user, operation)

    if target is None:
        problem = problem_of(answer, 409, "invalid-transition")
        assert problem["allowed"] == before["allowed_actions"] == User.machine.allowed(status)
        assert await shown(staff, user) == before
    elif target is UserStatus.DELETED:
        assert (answer.status_code, answer.content) == (204, b"")
        problem_of(await staff.client.get(path_of(user)), 404, "not-found")
    else:
        assert answer.status_code == 200, answer.text
        assert answer.json() == await shown(staff, user)
        assert answer.json()["status"] == target


async def test_staff_see_what_users_do_not(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Names, logins, locks and suspensions; a password hash and the count of wrong ones nobody sees."""
    await staff.activate(address, display_name="Ada")
    await staff.login(address)
    for _ in range(LOCK_EVERY):
        await staff.post("/auth/login", {"email": address, "password": "not the password at all"})
    user = await staff.user(address)

    seen = await shown(staff, user)

    assert seen["display_name"] == "Ada"
    assert seen["last_login_at"] is not None
    assert seen["locked_until"] is not None
    assert not {"password_hash", "failed_logins", "authz_epoch"} & seen.keys()


async def test_a_suspension_ends_everything_before_the_answer(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Sessions have ended, access tokens are revoked and announced, reason and end are shown to staff."""
    tokens = await staff.sign_up(address)
    user = await staff.user(address)
    until = "2999-12-31T00:00:00Z"

    answer = await give(staff, user, "suspend_user", {"reason": " Left the company ", "until": until})

    assert (answer.json()["suspension_reason"], answer.json()["suspended_until"]) == ("Left the company", until)
    assert [(each.kind, each.subject, each.value) for each in fakes.revocations.added] == [
        (RevocationKind.EPOCH, str(user.id), 1)
    ]
    assert fakes.announcements.announced == [1]
    problem_of(await staff.refresh(tokens["refresh_token"]), 401, "account-suspended")
    problem_of(await staff.post("/auth/login", {"email": address, "password": PASSWORD}), 401, "account-suspended")
    assert isinstance(fakes.unit_of_work.events[-1], UserSuspended)


async def test_a_reinstated_user_signs_in_anew(staff: Visitor, fakes: Fakes, address: str) -> None:
    """His password counts again, his old sessions do not."""
    tokens = await staff.sign_up(address)
    user = await staff.user(address)
    await give(staff, user, "suspend_user")

    answer = await give(staff, user, "reinstate_user")

    assert (answer.json()["status"], answer.json()["suspension_reason"]) == ("active", None)
    problem_of(await staff.refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    assert (await staff.login(address))["user"]["id"] == str(user.id)


async def test_a_suspension_with_an_end_ends_by_itself(staff: Visitor, fakes: Fakes) -> None:
    """As by hand, with the event, in the trail as nobody's deed; others stay suspended."""
    room = fakes.rooms.administration
    due, later, open_ended = [await add_user(room) for _ in range(3)]
    for user, until in ((due, utc_now() - timedelta(seconds=1)), (later, utc_now() + timedelta(hours=1))):
        user.suspend(until, "For a while")
    open_ended.suspend(None, "For good")
    async with room.unit_of_work.begin():
        for user in (due, later, open_ended):
            await room.users.save(user)

    more = await reinstate_due_users(room=room)

    assert more is False
    assert [(await shown(staff, each))["status"] for each in (due, later, open_ended)] == [
        *("active", "suspended", "suspended")
    ]
    assert fakes.unit_of_work.events[-1] == UserReinstated(user_id=due.id)
    assert fakes.trail.told_of("user") == [(Action.REINSTATE_USER, None, due.id, None)]


async def test_unlocking_lets_the_right_password_in(staff: Visitor, address: str) -> None:
    """At once, and the count begins again."""
    await staff.activate(address)
    for _ in range(LOCK_EVERY):
        await staff.post("/auth/login", {"email": address, "password": "not the password at all"})
    user = await staff.user(address)

    answer = await give(staff, user, "unlock_user")

    assert answer.json()["locked_until"] is None
    assert answer.json()["version"] == user.version + 1
    assert (await staff.login(address))["user"]["id"] == str(user.id)
    assert (await staff.user(address)).failed_logins == 0


async def test_other_roles_count_from_the_next_token(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Those given out before are stale, announced before the answer; the session goes on."""
    tokens = await staff.sign_up(address)
    user = await staff.user(address)

    answer = await give(staff, user, "change_user_roles", {"roles": ["manager", "user", "manager"]})

    assert answer.json()["roles"] == ["manager", "user"]
    assert fakes.announcements.announced == [1]
    refreshed = (await staff.refresh(tokens["refresh_token"])).json()
    assert refreshed["user"]["roles"] == ["manager", "user"]
    changed = UserRolesChanged(user_id=user.id, roles=["manager", "user"], roles_before=["user"])
    assert fakes.unit_of_work.events[-1] == changed


async def test_the_same_roles_again_change_nothing(staff: Visitor, fakes: Fakes) -> None:
    """No event, no revocation, no entry in the trail, the same version."""
    user = await add_user(fakes.rooms.administration, roles=("user", "manager"))
    events = len(fakes.unit_of_work.events)

    answer = await give(staff, user, "change_user_roles", {"roles": ["manager", "user"]})

    assert (answer.status_code, answer.json()["version"]) == (200, user.version)
    assert (len(fakes.unit_of_work.events), fakes.revocations.added, fakes.trail.told_of("user")) == (events, [], [])


async def test_a_deleted_user_is_gone_with_all_that_is_his(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Session, profile and contacts; the address may be registered again."""
    tokens = await staff.sign_up(address)
    user, token = await staff.user(address), tokens["access_token"]
    await staff.patch("/profiles/me", {"is_public": True}, token)

    answer = await give(staff, user, "delete_user")

    assert answer.status_code == 204
    assert fakes.announcements.announced == [1]
    assert fakes.unit_of_work.events[-1] == UserDeleted(user_id=user.id)
    problem_of(await staff.refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    problem_of(await staff.client.get(f"/api/v1/identity/profiles/{user.id}"), 404, "not-found")
    contacts = await staff.client.get(f"/api/v1/identity/contacts?user_id={user.id}")
    assert contacts.json()["items"] == []
    assert (await staff.activate(address))["id"] != str(user.id)


async def test_a_restored_user_has_what_he_had(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Password, profile, contacts with the primary one; what he had deleted himself stays so, and sessions ended."""
    tokens = await staff.sign_up(address)
    user, token = await staff.user(address), tokens["access_token"]
    other = await staff.post("/contacts", {"type": "email", "email": f"b-{address}"}, token)
    await staff.delete(f"/contacts/{other.json()['id']}", token)
    mine = f"/api/v1/identity/contacts?user_id={user.id}"
    before = (await staff.client.get(mine)).json()["items"]
    await give(staff, user, "delete_user")

    answer = await give(staff, user, "restore_user")

    assert (answer.status_code, answer.json()["status"]) == (200, "active"), answer.text
    after = (await staff.client.get(mine)).json()["items"]
    assert [(each["email"], each["is_primary"]) for each in after] == [(address, True)]
    assert [each["id"] for each in after] == [each["id"] for each in before]
    assert (await staff.client.get(f"/api/v1/identity/profiles/{user.id}")).status_code == 200
    problem_of(await staff.refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    assert (await staff.login(address))["user"]["id"] == str(user.id)
    assert isinstance(fakes.unit_of_work.events[-1], UserRestored)


@pytest.mark.parametrize("status", LIVING)
async def test_restoring_leads_back_to_the_state_before(staff: Visitor, fakes: Fakes, status: UserStatus) -> None:
    """Of a living user it changes nothing."""
    user = await add_user(fakes.rooms.administration, status)
    living = await give(staff, user, "restore_user")
    await give(staff, user, "delete_user")

    answer = await give(staff, user, "restore_user")

    assert (living.status_code, living.json()["version"]) == (200, user.version)
    assert (answer.json()["status"], answer.json()["version"]) == (status, user.version + 2)


async def test_an_address_that_lives_again_is_not_taken_back(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Whoever has registered it meanwhile keeps it."""
    await staff.activate(address)
    user = await staff.user(address)
    await give(staff, user, "delete_user")
    await staff.register(address.upper())

    answer = await give(staff, user, "restore_user")

    problem_of(answer, 409, "email-taken")
    assert (await staff.user(address)).id != user.id


@pytest.mark.parametrize("operation", [*ACTIONS, "restore_user"])
async def test_nobody_is_not_found(staff: Visitor, operation: str) -> None:
    """Whatever the command."""
    problem_of(await give(staff, user_in(UserStatus.ACTIVE), operation), 404, "not-found")


async def test_the_trail_tells_of_every_command(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Who, what, whom, and what a reader needs to know of it; a refusal leaves nothing."""
    user = await add_user(fakes.rooms.administration)
    caller = (await staff.user(f"staff-{address}")).id
    for operation in ("suspend_user", "reinstate_user", "unlock_user", "change_user_roles", "delete_user"):
        assert (await give(staff, user, operation)).is_success
    assert (await give(staff, user, "restore_user")).is_success
    await give(staff, user, "reinstate_user")

    assert fakes.trail.told_of("user") == [
        (Action.SUSPEND_USER, caller, user.id, {"until": None}),
        (Action.REINSTATE_USER, caller, user.id, None),
        (Action.UNLOCK_USER, caller, user.id, None),
        (Action.CHANGE_ROLES, caller, user.id, {"roles": ["manager"], "roles_before": ["user"]}),
        (Action.DELETE_USER, caller, user.id, None),
        (Action.RESTORE_USER, caller, user.id, None),
    ]


async def test_lists_are_narrowed(staff: Visitor, fakes: Fakes, address: str) -> None:
    """By state, role, and a part of address or name in any case; together too."""
    await staff.activate(address, display_name="Åsa Weiß")
    pending = await add_user(fakes.rooms.administration, UserStatus.PENDING)
    manager = await add_user(fakes.rooms.administration, roles=("user", "manager"))

    async def found(query: str) -> set[str]:
        answer = await staff.client.get(f"{USERS}?{query}")
        assert answer.status_code == 200, answer.text
        return {each["email"] for each in answer.json()["items"]}

    assert await found("status=pending") == {pending.email}
    assert await found("role=manager") == {manager.email}
    assert await found(f"q={pending.email[:12].upper()}") == {pending.email}
    assert await found("q=åSA") == await found("q=WEISS") == {address}
    assert await found("role=nothing") == await found("status=active&q=%25") == set()
    assert await found(f"status=active&role=user&q={manager.email[:20]}") == {manager.email}


@pytest.mark.parametrize(
    "query", ["status=deleted", "status=gone", "role=", "q=", f"q={'x' * 101}", "name=ada", "sort=roles"]
)
async def test_queries_that_mean_nothing_are_refused(staff: Visitor, query: str) -> None:
    """400, never ignored."""
    assert (await staff.client.get(f"{USERS}?{query}")).status_code == 400
