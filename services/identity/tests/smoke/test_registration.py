"""Registering and proving an address: the routes with fakes behind them."""

from __future__ import annotations

from typing import Any

import pytest
from identity_rooms import PASSWORD, Fakes, Visitor
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.code.entity import MAX_TRIES
from promenade_kernel.events.identity import (
    ContactVerified,
    UserActivated,
    UserRegistered,
    UserRegistrationRepeated,
    UserVerificationRequested,
)

REGISTER, VERIFY, RESEND = "/auth/register", "/auth/verify-email", "/auth/resend-verification"
SENT = {"status": "verification-sent"}


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_registering_publishes_who_wants_an_account(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """The event carries address, name and locale, so that a lead can be made of it; it carries no code."""
    await visitor.register(address, display_name="Ada Lovelace", locale="EN-gb")

    (event,) = fakes.unit_of_work.events
    assert isinstance(event, UserRegistered)
    assert (event.email, event.display_name, event.locale) == (address, "Ada Lovelace", "en-GB")


async def test_the_code_makes_an_active_user(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Verifying answers the user, and makes the address his primary verified contact and a profile."""
    code = await visitor.register(address, display_name="Ada", locale="de")

    answer = await visitor.post(VERIFY, {"email": address, "code": code})

    user = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{user["version"]}"'
    assert (user["email"], user["status"], user["roles"]) == (address, "active", ["user"])
    assert user["email_verified_at"] is not None
    assert user["allowed_actions"] == ["suspend", "unlock", "change-roles", "delete"]
    assert user.keys() == {"id", "version", "created_at", "updated_at", "email", "status", "roles"} | {
        "email_verified_at",
        "allowed_actions",
    }
    _, activated, verified = fakes.unit_of_work.events
    assert isinstance(activated, UserActivated)
    assert (activated.email, activated.display_name, activated.locale) == (address, "Ada", "de")
    assert isinstance(verified, ContactVerified)
    assert (verified.value, verified.is_primary) == (address, True)


async def test_the_address_is_the_same_in_any_case(visitor: Visitor, address: str) -> None:
    """Who registered in lower case may verify and sign in with capitals."""
    code = await visitor.register(address)

    answer = await visitor.post(VERIFY, {"email": address.upper(), "code": code})

    assert answer.status_code == 200, answer.text
    assert (await visitor.login(address.upper()))["user"]["email"] == address


async def test_a_second_attempt_publishes_that_a_mail_is_wanted(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """A pending address registered again stays one user."""
    await visitor.register(address)
    await visitor.register(address, "another good password")

    first, second = fakes.unit_of_work.events
    assert isinstance(first, UserRegistered)
    assert isinstance(second, UserVerificationRequested)
    assert first.user_id == second.user_id
    assert first.attempt_id != second.attempt_id


async def test_each_code_brings_its_own_attempts_password(visitor: Visitor, address: str) -> None:
    """An attacker who registered first, or last, gets nothing from the code the owner chose to enter."""
    attackers = await visitor.register(address, "the attacker's password")
    owners = await visitor.register(address, "the owner's own password", display_name="Owner")
    await visitor.register(address, "the attacker's second password")

    answer = await visitor.post(VERIFY, {"email": address, "code": owners})

    assert answer.status_code == 200, answer.text
    assert (await visitor.login(address, "the owner's own password"))["user"]["status"] == "active"
    for password in ("the attacker's password", "the attacker's second password"):
        problem_of(
            await visitor.post("/auth/login", {"email": address, "password": password}), 401, "invalid-credentials"
        )
    problem_of(await visitor.post(VERIFY, {"email": address, "code": attackers}), 422, "invalid-code")


async def test_an_active_address_is_told_by_mail_alone(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Registering it again answers the same and changes nothing but that an event is published."""
    await visitor.activate(address)

    answer = await visitor.post(REGISTER, {"email": address, "password": "a password for nothing"})

    assert (answer.status_code, answer.json()) == (202, SENT)
    assert isinstance(fakes.unit_of_work.events[-1], UserRegistrationRepeated)
    assert (await visitor.login(address))["user"]["email"] == address


@pytest.mark.parametrize("state", ["unknown", "pending", "active"])
async def test_asking_for_the_mail_again_answers_the_same(visitor: Visitor, address: str, state: str) -> None:
    """Only who waits for a code gets one; the answer does not tell."""
    if state != "unknown":
        await (visitor.register(address) if state == "pending" else visitor.activate(address))
    events = len(visitor.fakes.unit_of_work.events)

    answer = await visitor.post(RESEND, {"email": address})

    assert (answer.status_code, answer.json()) == (202, SENT)
    assert len(visitor.fakes.unit_of_work.events) - events == (1 if state == "pending" else 0)


@pytest.mark.parametrize("state", ["unknown", "pending", "active", "used"])
async def test_codes_that_do_not_count_are_refused_alike(visitor: Visitor, address: str, state: str) -> None:
    """Unknown address, wrong code, nothing to prove, used code: one answer."""
    code = "123456"
    if state in ("pending", "used"):
        code = await visitor.register(address)
    if state == "pending":
        code = wrong(code)
    if state == "active":
        await visitor.activate(address)
    if state == "used":
        await visitor.post(VERIFY, {"email": address, "code": code})

    answer = await visitor.post(VERIFY, {"email": address, "code": code})

    problem = problem_of(answer, 422, "invalid-code")
    assert problem["detail"] == "The code is not valid; ask for a new one"


async def test_a_code_lives_through_few_wrong_tries(visitor: Visitor, address: str) -> None:
    """After five wrong ones the right one does not count either."""
    code = await visitor.register(address)
    for _ in range(MAX_TRIES):
        await visitor.post(VERIFY, {"email": address, "code": wrong(code)})

    answer = await visitor.post(VERIFY, {"email": address, "code": code})

    problem_of(answer, 422, "invalid-code")


async def test_a_new_mail_makes_the_old_code_void(visitor: Visitor, address: str) -> None:
    """Of one attempt only the newest code counts."""
    first = await visitor.register(address)
    await visitor.post(RESEND, {"email": address})
    second = await visitor.code()

    stale = await visitor.post(VERIFY, {"email": address, "code": first})

    assert first == second or stale.status_code == 422
    assert (await visitor.post(VERIFY, {"email": address, "code": second})).status_code == 200


@pytest.mark.parametrize("state", ["unknown", "pending", "active"])
async def test_every_registration_costs_one_hash_and_keeps_the_pace(
    visitor: Visitor, fakes: Fakes, address: str, state: str
) -> None:
    """The work that takes time is done whether the address is known or not."""
    if state != "unknown":
        await (visitor.register(address) if state == "pending" else visitor.activate(address))
    hashes, paced = fakes.hashes.computed, fakes.pace.answered

    await visitor.post(REGISTER, {"email": address, "password": PASSWORD})

    assert (fakes.hashes.computed - hashes, fakes.pace.answered - paced) == (1, 1)


BAD_BODIES: list[tuple[str, Any, set[tuple[str, str]]]] = [
    (REGISTER, {}, {("/email", "required"), ("/password", "required")}),
    (
        REGISTER,
        {"email": "no", "password": "short"},
        {("/email", "invalid-email"), ("/password", "password-too-short")},
    ),
    (REGISTER, {"password": "x" * 129}, {("/password", "password-too-long")}),
    (REGISTER, {"password": "nul\x00nul\x00nul\x00nul"}, {("/password", "nul-character")}),
    (REGISTER, {"password": "Password password PASSWORD"}, {("/password", "password-too-common")}),
    (
        REGISTER,
        {"locale": "not a locale", "display_name": ""},
        {("/locale", "invalid-locale"), ("/display_name", "too-short")},
    ),
    (REGISTER, {"roles": ["superadmin"]}, {("/roles", "unknown-field")}),
    (VERIFY, {"code": 123456}, {("/code", "wrong-type")}),
    (VERIFY, {"code": ""}, {("/code", "invalid-length")}),
    (RESEND, {"email": None}, {("/email", "not-a-text")}),
]


@pytest.mark.parametrize(("path", "body", "faults"), BAD_BODIES)
async def test_bad_bodies_name_their_faults(
    visitor: Visitor, address: str, path: str, body: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    """All faults come at once, each with the place it is at."""
    good = {REGISTER: {"email": address, "password": PASSWORD}, VERIFY: {"email": address, "code": "123456"}}
    whole = {**good.get(path, {}), **body} if body else body

    answer = await visitor.post(path, whole)

    assert faults_of(answer) == faults
    assert visitor.fakes.unit_of_work.events == []


@pytest.mark.parametrize("path", [REGISTER, VERIFY, RESEND])
async def test_idempotency_keys_are_not_asked_for(visitor: Visitor, address: str, path: str) -> None:
    """These routes have nobody to remember answers for: the same key with another body is no conflict."""
    headers = {"Idempotency-Key": "one and the same"}
    bodies = [{"email": f"{n}{address}", "password": PASSWORD, "code": "123456"} for n in range(2)]
    fields = {REGISTER: ("email", "password"), VERIFY: ("email", "code"), RESEND: ("email",)}[path]
    sent = [{name: body[name] for name in fields} for body in bodies]

    statuses = {
        (await visitor.client.post(f"/api/v1/identity{path}", json=b, headers=headers)).status_code for b in sent
    }

    assert statuses == {422 if path == VERIFY else 202}
