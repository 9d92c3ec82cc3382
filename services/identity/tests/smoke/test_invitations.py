"""Invitations, from the mail to the first login: the routes with fakes behind them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from identity_rooms import Fakes, Visitor, bearer
from identity_users import add_user
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_identity.audit.entity import Action
from promenade_identity.code.entity import MAX_TRIES, Purpose
from promenade_identity.recovery.use_cases import send_invitation_code
from promenade_identity.user.entity import PENDING_LIFETIME, UserStatus
from promenade_identity.user.use_cases import expire_pending_users
from promenade_kernel.events.identity import UserActivated, UserInvited
from promenade_kernel.values.email import Email

USERS = "/api/v1/identity/users"
FORGOT, RESET = "/auth/password/forgot", "/auth/password/reset"
FIRST = "an otter writes the weather report"


@pytest.fixture
async def staff(visitor: Visitor, address: str) -> Visitor:
    """A visitor who may do everything."""
    tokens = await visitor.sign_up(f"staff-{address}", "superadmin")
    visitor.client.headers.update(bearer(tokens["access_token"]))
    return visitor


async def invite(staff: Visitor, address: str, *roles: str, **more: Any) -> httpx.Response:
    """Invite an address, with the roles of a manager unless others are named."""
    return await staff.client.post(USERS, json={"email": address, "roles": list(roles) or ["manager"], **more})


async def code_of(staff: Visitor, address: str) -> str:
    """The code of the mail that the invitation's reaction sends."""
    user = await staff.user(address)
    assert UserInvited(user_id=user.id, email=user.email) in staff.fakes.unit_of_work.events
    await send_invitation_code(user.id, room=staff.fakes.rooms.recovery)
    mail = staff.fakes.mails.queued[-1]
    found = re.search(r"\d{6}", mail.text)
    assert found
    assert (mail.to, mail.subject) == (user.email, "invitation")
    return found[0]


async def accept(staff: Visitor, address: str, code: str, password: str = FIRST) -> httpx.Response:
    return await staff.post(RESET, {"email": address, "code": code, "new_password": password})


async def test_an_invitation_is_a_pending_user(staff: Visitor, fakes: Fakes, address: str) -> None:
    """With the roles and the name he is invited by; the trail says who wanted him."""
    answer = await invite(staff, address, "user", "manager", "user", display_name="Ada")

    assert answer.status_code == 201, answer.text
    seen = answer.json()
    assert answer.headers["location"] == f"{USERS}/{seen['id']}"
    assert (seen["status"], seen["roles"], seen["display_name"]) == ("pending", ["user", "manager"], "Ada")
    assert (seen["is_invited"], seen["allowed_actions"]) == (True, ["change-roles", "delete"])
    caller, user = await staff.user(f"staff-{address}"), await staff.user(address)
    assert fakes.trail.told_of("user") == [(Action.INVITE_USER, caller.id, user.id, {"roles": ["user", "manager"]})]


async def test_its_code_sets_the_first_password(staff: Visitor, fakes: Fakes, address: str) -> None:
    """And proves the address: he has it as his primary contact, a profile with his name, and the roles."""
    await invite(staff, address, display_name="Ada")

    answer = await accept(staff, address, await code_of(staff, address))

    assert (answer.status_code, answer.content) == (204, b"")
    assert isinstance(fakes.unit_of_work.events[-2], UserActivated)
    me = (await staff.get("/me", (await staff.login(address, FIRST))["access_token"])).json()
    assert (me["user"]["status"], me["roles"], me["profile"]["display_name"]) == ("active", ["manager"], "Ada")
    assert [(each["email"], each["is_primary"]) for each in me["contacts"]] == [(address, True)]
    assert me["contacts"][0]["verified_at"] is not None


async def test_the_code_counts_for_seven_days_and_once(staff: Visitor, fakes: Fakes, address: str) -> None:
    """Then, and when used, it is as any code that does not count."""
    await invite(staff, address)
    code = await code_of(staff, address)
    issued, _ = fakes.codes.snapshot()[Purpose.ACCEPT_INVITATION, (await staff.user(address)).id]
    assert abs(issued.expires_at - utc_now() - timedelta(days=7)) < timedelta(minutes=1)
    assert (await accept(staff, address, code)).status_code == 204

    problem_of(await accept(staff, address, code, "yet another fine password"), 422, "invalid-code")
    assert (await staff.login(address, FIRST))["user"]["email"] == address


@pytest.mark.parametrize("reason", ["wrong", "tired", "replaced"])
async def test_codes_that_do_not_count(staff: Visitor, address: str, reason: str) -> None:
    """He stays pending, whatever is sent."""
    await invite(staff, address)
    code = await code_of(staff, address)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(MAX_TRIES if reason == "tired" else 0):
        await accept(staff, address, wrong)
    # Of a million codes the new one may be the old one.
    while reason == "replaced" and await code_of(staff, address) == code:
        pass

    problem_of(await accept(staff, address, wrong if reason == "wrong" else code), 422, "invalid-code")
    assert (await staff.user(address)).status is UserStatus.PENDING


async def test_who_has_lost_the_mail_asks_for_another(staff: Visitor, fakes: Fakes, address: str) -> None:
    """As for a forgotten password; the answer and its pace are the same as ever."""
    await invite(staff, address)
    events, paced = len(fakes.unit_of_work.events), fakes.pace.answered

    answer = await staff.post(FORGOT, {"email": address})

    assert (answer.status_code, answer.json()) == (202, {"status": "reset-sent"})
    assert fakes.pace.answered == paced + 1
    user = await staff.user(address)
    assert fakes.unit_of_work.events[events:] == [UserInvited(user_id=user.id, email=user.email)]
    assert (await accept(staff, address, await code_of(staff, address))).status_code == 204


async def test_an_invitation_takes_a_registration_over(staff: Visitor, fakes: Fakes, address: str) -> None:
    """The same user with the roles; what was registered is void, or somebody else's password could get them."""
    code = await staff.register(address, "the password of an attacker")
    registered = await staff.user(address)

    answer = await invite(staff, address)

    assert (answer.status_code, answer.json()["id"], answer.json()["roles"]) == (201, str(registered.id), ["manager"])
    problem_of(await staff.post("/auth/verify-email", {"email": address, "code": code}), 422, "invalid-code")
    assert (await accept(staff, address, await code_of(staff, address))).status_code == 204
    assert (await staff.login(address, FIRST))["user"]["roles"] == ["manager"]


@pytest.mark.parametrize("path", ["/auth/register", "/auth/resend-verification"])
async def test_who_is_invited_gets_the_invitation_again(staff: Visitor, fakes: Fakes, address: str, path: str) -> None:
    """Whoever asks, and with whatever password: the mail's code sets one anew, and no other code makes him active."""
    await invite(staff, address)
    body = {"email": address} | ({"password": "the password of an attacker"} if "register" in path else {})
    told = len(fakes.unit_of_work.events)

    answer = await staff.post(path, body)

    assert (answer.status_code, answer.json()) == (202, {"status": "verification-sent"})
    user = await staff.user(address)
    assert fakes.unit_of_work.events[told:] == [UserInvited(user_id=user.id, email=user.email)]
    assert await fakes.attempts.of_user(user.id) == []
    code = await code_of(staff, address)
    problem_of(await staff.post("/auth/verify-email", {"email": address, "code": code}), 422, "invalid-code")
    assert (await accept(staff, address, code)).status_code == 204
    assert (await staff.login(address, FIRST))["user"]["roles"] == ["manager"]


async def test_inviting_again_changes_the_roles(staff: Visitor, address: str) -> None:
    """The same user, another mail; a name that is not said again stays."""
    first = await invite(staff, address, "admin", display_name="Ada")

    again = await invite(staff, address.upper(), "user")

    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (again.json()["roles"], again.json()["display_name"]) == (["user"], "Ada")


@pytest.mark.parametrize("status", [UserStatus.ACTIVE, UserStatus.SUSPENDED])
async def test_users_are_not_invited(staff: Visitor, fakes: Fakes, status: UserStatus) -> None:
    """Who has proved the address is there already; a deleted one's is free."""
    user = await add_user(fakes.rooms.administration, status)

    problem_of(await invite(staff, user.email), 409, "email-taken")
    await staff.client.delete(f"{USERS}/{user.id}")
    assert (await invite(staff, user.email)).status_code == 201


async def test_an_invited_user_has_seven_days_from_then(staff: Visitor, fakes: Fakes, address: str) -> None:
    """However long ago he registered himself; then the address is free again."""
    await staff.register(address)
    long_ago = utc_now() - PENDING_LIFETIME
    await staff.change(address, lambda user: setattr(user, "created_at", long_ago))
    await invite(staff, address)

    await expire_pending_users(room=fakes.rooms.user)
    assert (await staff.user(address)).is_invited
    await staff.change(address, lambda user: setattr(user, "pending_since", long_ago))
    await expire_pending_users(room=fakes.rooms.user)

    assert await fakes.users.find_by_email(Email(address)) is None
