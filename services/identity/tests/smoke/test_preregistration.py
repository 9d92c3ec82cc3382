"""An address that somebody else registered first, or last: it ends with its owner's password, or with nobody's."""

from __future__ import annotations

import re

import pytest
from identity_rooms import Fakes, Visitor
from promenade_chassis.testing.answers import problem_of
from promenade_identity.recovery.use_cases import send_reset_code
from promenade_identity.user.entity import UserStatus
from promenade_identity.user.use_cases import ATTEMPTS_KEPT
from promenade_kernel.events.identity import UserActivated, UserPasswordResetRequested

ATTACKERS, OWNERS, NEW = "an attacker types all day", "the owner keeps her secrets", "an otter writes the weather"
REGISTER, VERIFY, RESEND, LOGIN = "/auth/register", "/auth/verify-email", "/auth/resend-verification", "/auth/login"


async def attack(visitor: Visitor, address: str) -> str:
    """The attacker registers somebody else's address; the code goes to the owner."""
    return await visitor.register(address, ATTACKERS, display_name="Mallory", locale="fr")


async def register(visitor: Visitor, address: str) -> str:
    """The owner registers."""
    return await visitor.register(address, OWNERS, display_name="Ada", locale="en")


async def verify(visitor: Visitor, address: str, code: str) -> None:
    answer = await visitor.post(VERIFY, {"email": address, "code": code})
    assert answer.status_code == 200, answer.text


async def refused(visitor: Visitor, address: str, password: str) -> None:
    answer = await visitor.post(LOGIN, {"email": address, "password": password})
    problem_of(answer, 401, "invalid-credentials")


@pytest.mark.parametrize("order", ["attacker first", "owner first", "attacker before and after"])
async def test_the_owners_code_brings_the_owners_data(visitor: Visitor, fakes: Fakes, address: str, order: str) -> None:
    """Password, name and locale are the owner's; the attacker's password never works, and his code no longer."""
    codes = [await attack(visitor, address)] if order != "owner first" else []
    owners = await register(visitor, address)
    codes += [await attack(visitor, address)] if order != "attacker first" else []

    await refused(visitor, address, ATTACKERS)
    await refused(visitor, address, OWNERS)
    await verify(visitor, address, owners)

    token = (await visitor.login(address, OWNERS))["access_token"]
    profile = (await visitor.get("/me", token)).json()["profile"]
    assert (profile["display_name"], profile["locale"]) == ("Ada", "en")
    (activated,) = [event for event in fakes.unit_of_work.events if isinstance(event, UserActivated)]
    assert (activated.display_name, activated.locale) == ("Ada", "en")
    await refused(visitor, address, ATTACKERS)
    for code in codes:
        problem_of(await visitor.post(VERIFY, {"email": address, "code": code}), 422, "invalid-code")


async def test_asking_again_never_hands_out_a_strangers_attempt(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Of two attempts nobody can tell whose is meant: the mail has no code, and the owner's own code stays good."""
    owners = await register(visitor, address)
    await attack(visitor, address)

    await visitor.post(RESEND, {"email": address})
    await visitor.mail_of_newest_event()

    mail = fakes.mails.queued[-1]
    assert (mail.subject, re.findall(r"\d", mail.text)) == ("activation-unclear", [])
    await verify(visitor, address, owners)
    await visitor.login(address, OWNERS)
    await refused(visitor, address, ATTACKERS)


async def test_registering_once_more_helps_the_owner(visitor: Visitor, address: str) -> None:
    """The mail that follows carries the code of that attempt, however many there were before."""
    await register(visitor, address)
    for _ in range(ATTEMPTS_KEPT):
        await attack(visitor, address)

    await verify(visitor, address, await register(visitor, address))

    await visitor.login(address, OWNERS)
    await refused(visitor, address, ATTACKERS)


async def test_many_attempts_do_not_make_guessing_easier(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Each guess is tried against every attempt that counts, so only the newest ten do."""
    await attack(visitor, address)
    user = await visitor.user(address)
    (first,) = await fakes.attempts.of_user(user.id)
    for _ in range(ATTEMPTS_KEPT):
        await attack(visitor, address)

    attempts = await fakes.attempts.of_user(user.id)

    assert len(attempts) == ATTEMPTS_KEPT
    assert first not in attempts
    assert user.status is UserStatus.PENDING


async def test_a_code_that_two_attempts_share_is_nobodys(
    visitor: Visitor, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once in a million times the attacker's code is the owner's too: it must not bring the attacker's password."""
    monkeypatch.setattr("secrets.randbelow", lambda _: 271828)
    await register(visitor, address)
    code = await attack(visitor, address)

    answer = await visitor.post(VERIFY, {"email": address, "code": code})

    problem_of(answer, 422, "invalid-code")
    await refused(visitor, address, ATTACKERS)


async def test_forgetting_the_password_helps_no_attacker(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """While the address is not proved there is no password to forget, and no code is sent."""
    await attack(visitor, address)

    await visitor.post("/auth/password/forgot", {"email": address})
    answer = await visitor.post("/auth/password/reset", {"email": address, "code": "123456", "new_password": NEW})

    problem_of(answer, 422, "invalid-code")
    assert not [event for event in fakes.unit_of_work.events if isinstance(event, UserPasswordResetRequested)]
    assert len(fakes.mails.queued) == 1


async def test_an_owner_who_entered_the_attackers_code_gets_his_account_back(
    visitor: Visitor, fakes: Fakes, address: str
) -> None:
    """The mailbox decides: a reset sets the owner's password, ends the attacker's sessions and voids his password."""
    await verify(visitor, address, await attack(visitor, address))
    stolen = await visitor.login(address, ATTACKERS)
    await visitor.post("/auth/password/forgot", {"email": address})
    await send_reset_code((await visitor.user(address)).id, room=fakes.rooms.recovery)
    code = re.findall(r"\d{6}", fakes.mails.queued[-1].text)[0]

    answer = await visitor.post("/auth/password/reset", {"email": address, "code": code, "new_password": OWNERS})

    assert answer.status_code == 204
    await visitor.login(address, OWNERS)
    await refused(visitor, address, ATTACKERS)
    problem_of(await visitor.refresh(stolen["refresh_token"]), 401, "invalid-refresh-token")
