"""Forgotten passwords and changed ones: the routes with fakes behind them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from identity_rooms import PASSWORD, Fakes, Visitor
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.code.entity import MAX_TRIES
from promenade_identity.recovery.use_cases import send_reset_code
from promenade_identity.revocation.entity import RevocationKind
from promenade_identity.user.entity import LOCK_EVERY, User
from promenade_kernel.events.identity import UserLocked, UserPasswordResetRequested

FORGOT, RESET, CHANGE = "/auth/password/forgot", "/auth/password/reset", "/auth/password/change"
NEW = "an otter writes the weather report"
WRONG = "not the password at all"


async def forget(visitor: Visitor, address: str) -> str:
    """Ask for a code, and answer the one of the mail that its reaction would send."""
    answer = await visitor.post(FORGOT, {"email": address})
    assert (answer.status_code, answer.json()) == (202, {"status": "reset-sent"}), answer.text
    await send_reset_code((await visitor.user(address)).id, room=visitor.fakes.rooms.recovery)
    found = re.search(r"\d{6}", visitor.fakes.mails.queued[-1].text)
    assert found
    return found[0]


async def reset(visitor: Visitor, address: str, code: str, password: str = NEW) -> Any:
    return await visitor.post(RESET, {"email": address, "code": code, "new_password": password})


async def change(visitor: Visitor, token: str, current: str = PASSWORD, new: str = NEW) -> Any:
    return await visitor.post(CHANGE, {"current_password": current, "new_password": new}, token)


@pytest.mark.parametrize("state", ["unknown", "pending", "suspended", "active"])
async def test_forgetting_answers_the_same(visitor: Visitor, fakes: Fakes, address: str, state: str) -> None:
    """Only an active user gets a code; the answer and its pace do not tell."""
    if state != "unknown":
        await (visitor.register(address) if state == "pending" else visitor.activate(address))
    if state == "suspended":
        await visitor.change(address, User.suspend)
    events, paced = len(fakes.unit_of_work.events), fakes.pace.answered

    answer = await visitor.post(FORGOT, {"email": address})

    assert (answer.status_code, answer.json()) == (202, {"status": "reset-sent"})
    assert fakes.pace.answered == paced + 1
    kinds = [type(event) for event in fakes.unit_of_work.events[events:]]
    assert kinds == ([UserPasswordResetRequested] if state == "active" else [])


async def test_the_code_sets_another_password(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """The old one is void, all sessions have ended, and older access tokens are revoked before the answer."""
    tokens = await visitor.sign_up(address)

    answer = await reset(visitor, address, await forget(visitor, address))

    assert (answer.status_code, answer.content) == (204, b"")
    problem_of(await visitor.post("/auth/login", {"email": address, "password": PASSWORD}), 401, "invalid-credentials")
    problem_of(await visitor.refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    assert [(each.kind, each.value) for each in fakes.revocations.added] == [(RevocationKind.EPOCH, 1)]
    assert fakes.announcements.announced == [1]
    assert (await visitor.login(address, NEW))["user"]["email"] == address


async def test_a_reset_lifts_the_lock(visitor: Visitor, address: str) -> None:
    """Who reads the mail is the owner, whatever others have tried."""
    await visitor.activate(address)
    for _ in range(LOCK_EVERY):
        await visitor.post("/auth/login", {"email": address, "password": WRONG})

    await reset(visitor, address, await forget(visitor, address))

    assert (await visitor.login(address, NEW))["user"]["email"] == address


@pytest.mark.parametrize("state", ["unknown", "pending", "wrong", "used", "tired", "of another kind"])
async def test_codes_that_do_not_count_are_refused_alike(
    visitor: Visitor, fakes: Fakes, address: str, state: str
) -> None:
    """Whatever the reason: one answer, one hash, one pace, and the password stays."""
    code = "123456"
    if state in ("pending", "of another kind"):
        code = await visitor.register(address)
    if state in ("wrong", "used", "tired"):
        await visitor.activate(address)
        code = await forget(visitor, address)
    if state == "used":
        await reset(visitor, address, code)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(MAX_TRIES if state == "tired" else 0):
        await reset(visitor, address, wrong)
    hashes, paced = fakes.hashes.computed, fakes.pace.answered

    answer = await reset(visitor, address, wrong if state == "wrong" else code, "yet another fine password")

    problem_of(answer, 422, "invalid-code")
    assert (fakes.hashes.computed - hashes, fakes.pace.answered - paced) == (1, 1)


async def test_changing_ends_the_other_sessions(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """One's own goes on, with a fresh access token."""
    mine, other = await visitor.sign_up(address), await visitor.login(address)

    answer = await change(visitor, mine["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert [each.kind for each in fakes.revocations.added] == [RevocationKind.EPOCH]
    assert fakes.announcements.announced == [1]
    problem_of(await visitor.refresh(other["refresh_token"]), 401, "invalid-refresh-token")
    assert (await visitor.refresh(mine["refresh_token"])).status_code == 200
    assert (await visitor.login(address, NEW))["user"]["email"] == address


async def test_a_wrong_present_password_counts_as_at_login(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """A stolen token is no way to guess: the fifth locks, and then the right one is refused, too."""
    token = (await visitor.sign_up(address))["access_token"]

    refused = [await change(visitor, token, WRONG) for _ in range(LOCK_EVERY)]
    locked = await change(visitor, token)

    assert all(faults_of(each) == {("/current_password", "wrong-password")} for each in [*refused, locked])
    assert isinstance(fakes.unit_of_work.events[-1], UserLocked)
    assert (await visitor.user(address)).failed_logins == LOCK_EVERY


async def test_weak_passwords_are_refused_everywhere(visitor: Visitor, address: str) -> None:
    """The rules are those of registration, the profile's name included."""
    token = (await visitor.sign_up(address))["access_token"]
    await visitor.patch("/profiles/me", {"display_name": "Bartholomew"}, token)

    like_the_name = await change(visitor, token, new="bartholomew-1234")
    common = await reset(visitor, address, "123456", "password password password")
    short = await change(visitor, token, new="short")

    assert faults_of(like_the_name) == {("/new_password", "password-too-like")}
    assert faults_of(common) == {("/new_password", "password-too-common")}
    assert faults_of(short) == {("/new_password", "password-too-short")}


async def test_changing_needs_a_token(visitor: Visitor) -> None:
    """Without one it answers 401."""
    answer = await visitor.post(CHANGE, {"current_password": PASSWORD, "new_password": NEW})

    problem_of(answer, 401, "unauthenticated")
