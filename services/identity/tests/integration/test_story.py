"""From registration to a signed-in user, with real engines and real mails in files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import jwt
import pytest
from identity_service import (
    BASE,
    PASSWORD,
    Suite,
    code_in,
    fresh_address,
    furnished,
    mails_to,
    running_suite,
    settings_for,
)
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.polling import eventually
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.use_cases import create_superadmin
from promenade_kernel.values.email import Email

NEW = "an otter writes the weather report"
CLAIMS = ["iss", "aud", "sub", "client_id", "jti", "iat", "exp", "sid", "roles", "permissions", "epoch"]


@pytest.fixture
async def suite(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[Suite, None]:
    settings = settings_for(database_url, redis_url, mail={"directory": str(tmp_path)})
    async with running_suite(settings, tmp_path) as suite:
        yield suite


async def test_a_registered_user_proves_his_address_and_signs_in(suite: Suite) -> None:
    """The code of the mail activates the user; his token is what the contract says, and /me shows all he is."""
    address = fresh_address()
    await suite.register(address, display_name="Ada", locale="de-at")
    code = code_in(await suite.mail_to(address, "code"))

    verified = await suite.post("/auth/verify-email", {"email": address, "code": code})
    signed_in = await suite.login(address)
    me = await suite.get("/me", signed_in["access_token"])

    assert verified.status_code == 200
    assert verified.json()["status"] == "active"
    assert {key: signed_in[key] for key in ("token_type", "expires_in", "refresh_expires_in")} == {
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_expires_in": 604800,
    }
    assert me.status_code == 200, me.text
    shown = me.json()
    assert shown["user"] == signed_in["user"]
    assert (shown["profile"]["display_name"], shown["profile"]["locale"]) == ("Ada", "de-AT")
    assert [(c["email"], c["is_primary"], c["verified_at"] is not None) for c in shown["contacts"]] == [
        (address, True, True)
    ]
    assert (shown["roles"], shown["permissions"]) == (["user"], [])


async def test_access_tokens_carry_the_claims_of_the_contract(suite: Suite) -> None:
    """Header and claims are those of RFC 9068, and the published keys verify them."""
    address = fresh_address()
    user = await suite.activate(address)

    token = (await suite.login(address))["access_token"]

    jwks = (await suite.client.get("/.well-known/jwks.json")).json()
    header = jwt.get_unverified_header(token)
    key = next(jwt.PyJWK(each) for each in jwks["keys"] if each["kid"] == header["kid"])
    claims = jwt.decode(token, key, ["EdDSA"], audience="promenade", issuer="https://promenade.example.com")
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": header["kid"]}
    assert sorted(claims) == sorted(CLAIMS)
    assert (claims["sub"], claims["roles"], claims["epoch"]) == (user["id"], ["user"], 0)
    assert claims["exp"] - claims["iat"] == 900


async def test_who_registers_first_does_not_get_anothers_address(suite: Suite) -> None:
    """Each code activates with the password of its own attempt: the owner's counts, the stranger's is dropped."""
    address = fresh_address()
    await suite.register(address, "the stranger's own password")
    await suite.mail_to(address, "code")
    await suite.register(address, "the owner's own password")
    code = code_in(await suite.mail_to(address, "code", count=2))

    await suite.post("/auth/verify-email", {"email": address, "code": code})

    stranger = await suite.post("/auth/login", {"email": address, "password": "the stranger's own password"})
    assert stranger.status_code == 401
    assert (await suite.login(address, "the owner's own password"))["user"]["email"] == address


async def test_an_active_address_gets_a_mail_without_a_code(suite: Suite) -> None:
    """Registering it again answers as ever; its owner is told and its password stays."""
    address = fresh_address()
    await suite.activate(address)

    await suite.register(address, "somebody else's fine password")

    text = await suite.mail_to(address, "already have")
    assert not any(char.isdecimal() for char in text)
    assert (await suite.login(address))["user"]["email"] == address


async def test_the_mail_is_sent_again_on_request(suite: Suite) -> None:
    """The newest code counts, the one before no longer."""
    address = fresh_address()
    await suite.register(address)
    first = code_in(await suite.mail_to(address, "code"))
    await suite.post("/auth/resend-verification", {"email": address})
    second = code_in(await suite.mail_to(address, "code", count=2))

    stale = await suite.post("/auth/verify-email", {"email": address, "code": first})
    fresh = await suite.post("/auth/verify-email", {"email": address, "code": second})

    assert first == second or stale.status_code == 422
    assert first == second or fresh.status_code == 200


async def test_a_forgotten_password_is_set_anew(suite: Suite) -> None:
    """With the code of the mail; afterwards the new one counts."""
    address, password = fresh_address(), "an otter writes the weather report"
    await suite.activate(address)
    await suite.post("/auth/password/forgot", {"email": address})
    code = code_in(await suite.mail_to(address, "new password"))

    answer = await suite.post("/auth/password/reset", {"email": address, "code": code, "new_password": password})

    assert answer.status_code == 204, answer.text
    assert (await suite.login(address, password))["user"]["email"] == address


async def test_a_contact_code_goes_out_by_mail(suite: Suite) -> None:
    """A second address is proved with the code sent to it."""
    address, second = fresh_address(), fresh_address()
    await suite.activate(address)
    token = (await suite.login(address))["access_token"]
    contact = (await suite.post("/contacts", {"type": "email", "email": second}, token)).json()
    await suite.post(f"/contacts/{contact['id']}/send-code", token=token)
    code = code_in(await suite.mail_to(second, "code"))

    answer = await suite.post(f"/contacts/{contact['id']}/verify", {"code": code}, token)

    assert answer.status_code == 200, answer.text
    assert answer.json()["verified_at"] is not None
    assert (await suite.client.get(f"{BASE}/contacts")).status_code == 401


async def test_an_invited_user_comes_in_by_the_code_of_his_mail(suite: Suite) -> None:
    """Staff invite him with a role and a key; the mail's code sets his password, and his token has the role."""
    staff, address = fresh_address(), fresh_address()
    async with furnished(suite.service.settings, with_key=False) as (rooms, _):
        await create_superadmin(Email(staff), NewPassword(PASSWORD), room=rooms.user)
    headers = {"Authorization": f"Bearer {(await suite.login(staff))['access_token']}", "Idempotency-Key": "once"}
    body = {"email": address, "roles": ["manager"], "display_name": "Ada"}

    invited = await suite.client.post(f"{BASE}/users", json=body, headers=headers)
    again = await suite.client.post(f"{BASE}/users", json=body, headers=headers)
    code = code_in(await suite.mail_to(address, "invited"))
    accepted = await suite.post("/auth/password/reset", {"email": address, "code": code, "new_password": NEW})

    assert (invited.status_code, again.headers["idempotent-replayed"]) == (201, "true"), invited.text
    assert (accepted.status_code, len(mails_to(suite.mails, address))) == (204, 1)
    me = (await suite.get("/me", (await suite.login(address, NEW))["access_token"])).json()
    assert (me["roles"], me["profile"]["display_name"]) == (["manager"], "Ada")
    assert "orders:place" in me["permissions"]


async def test_a_suspension_ends_when_its_time_has_come(suite: Suite) -> None:
    """The worker's own job reinstates the user, and he signs in again."""
    address = fresh_address()
    user = await suite.activate(address)
    async with furnished(suite.service.settings, with_key=False) as (rooms, _), rooms.user.unit_of_work.begin():
        suspended = await rooms.user.users.get(UUID(user["id"]))
        suspended.suspend(utc_now() + timedelta(milliseconds=100), "For a moment")
        await rooms.user.users.save(suspended)

    (suspensions,) = (job for job in suite.service.jobs if job.name == "suspensions")

    async def signs_in() -> None:
        suspensions.wake()  # it looks every five seconds by itself
        await suite.login(address)

    await eventually(signs_in, within=20)
