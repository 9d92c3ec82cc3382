"""The service as it is started: its secret, its superadmin, its jobs, its routes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from identity_commands import run_line
from identity_service import PASSWORD, SECRET, active_user, fresh_address, furnished, settings_for, working
from promenade_chassis.config import ConfigurationError, Settings
from promenade_chassis.http.access import declared_access
from promenade_chassis.ports import utc_now
from promenade_identity.bootstrap import build
from promenade_identity.furniture import Rooms
from promenade_identity.sealing import SealBroken
from promenade_identity.session.use_cases import Client, login
from promenade_identity.user.entity import PENDING_LIFETIME, User
from promenade_identity.user.use_cases import expire_pending_users
from promenade_kernel.values.email import Email

PUBLIC = [
    *("register", "verify-email", "resend-verification"),
    *("login", "refresh", "password/forgot", "password/reset"),
]
HERE = Path(__file__).resolve()
CONFIG = HERE.parents[4] / "config"


@pytest.mark.parametrize("secret", ["", "too short to be one"])
async def test_without_its_secret_it_does_not_start(database_url: str, redis_url: str, secret: str) -> None:
    """It says which variable to set."""
    settings = settings_for(database_url, redis_url, mail={"directory": "mail"}, keys={"secret": secret})

    with pytest.raises(ConfigurationError, match="AUTH_KEY_SECRET"):
        async with working(build(settings)):
            pass


@pytest.mark.parametrize(
    ("section", "names"),
    [({"mail": {}}, "mail"), ({"mail": {"directory": "x"}, "passwords": {"minimum": 8}}, "passwords.minimum")],
)
async def test_wrong_settings_are_named(section: dict[str, dict[str, object]], names: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigurationError, match=names):
        build(settings_for("", "redis://127.0.0.1:1", **section))


async def test_another_secret_cannot_read_the_keys(settings: Settings, database_url: str, redis_url: str) -> None:
    """They are sealed: who has the database alone cannot sign."""
    async with working(build(settings)):
        pass
    other = settings_for(database_url, redis_url, mail={"directory": "x"}, keys={"secret": SECRET[::-1]})
    async with furnished(other, with_key=False) as (rooms, _):
        with pytest.raises(SealBroken):
            await rooms.key.ring.signing()


async def test_another_secret_is_named_at_the_start(settings: Settings, database_url: str, redis_url: str) -> None:
    """The service does not start, and says which variable is wrong and which would help."""
    async with furnished(settings):
        pass
    other = settings_for(database_url, redis_url, mail={"directory": "x"}, keys={"secret": SECRET[::-1]})

    with pytest.raises(ConfigurationError, match=r"AUTH_KEY_SECRET does not open .* AUTH_KEY_SECRET_OTHER"):
        async with working(build(other)):
            pass


async def test_the_superadmin_is_made_once(
    settings: Settings, rooms: Rooms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the environment or standard input; again it changes nothing, and the first password stays."""
    address = fresh_address()
    monkeypatch.setenv("PROMENADE_SUPERADMIN_PASSWORD", PASSWORD)
    first = await run_line(settings, "create-superadmin", "--email", address)
    monkeypatch.delenv("PROMENADE_SUPERADMIN_PASSWORD")
    monkeypatch.setattr(sys, "stdin", io.StringIO("another password altogether\n"))

    again = await run_line(settings, "create-superadmin", "--email", address)

    assert (first, again) == (0, 0)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith(address)]
    assert said == [f"{address} is a superadmin", f"{address} was a superadmin already"]
    signed_in = await login(Email(address), PASSWORD, client=Client(), room=rooms.session)
    claims = jwt.decode(signed_in.access_token, options={"verify_signature": False})
    assert (claims["roles"], claims["permissions"]) == (["superadmin"], ["*:*"])
    assert (await rooms.profile.profiles.of_user(signed_in.user.id)).user_id == signed_in.user.id


@pytest.mark.parametrize(("email", "password"), [("not an address", PASSWORD), ("a@example.com", "short")])
async def test_a_superadmin_needs_address_and_password(
    settings: Settings, email: str, password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what is wrong and fails."""
    monkeypatch.setenv("PROMENADE_SUPERADMIN_PASSWORD", password)

    assert await run_line(settings, "create-superadmin", "--email", email) == 2
    assert capsys.readouterr().err.startswith("identity: ")


async def test_users_who_never_prove_their_address_end(rooms: Rooms) -> None:
    """After seven days the address is free; younger and active ones stay."""
    long_ago = utc_now() - PENDING_LIFETIME
    old = User(email=Email(fresh_address()), created_at=long_ago)
    young = User(email=Email(fresh_address()), created_at=long_ago + timedelta(minutes=1))
    async with rooms.user.unit_of_work.begin():
        await rooms.user.users.add(old)
        await rooms.user.users.add(young)
    active = await active_user(rooms)

    assert await expire_pending_users(room=rooms.user) is False

    found = [await rooms.user.users.find_by_email(email) for email in (old.email, young.email, active)]
    assert [user is not None for user in found] == [False, True, True]


def test_every_route_says_who_may_call_it(tmp_path: Path) -> None:
    """Public are the ways to an account and to tokens, public profiles, the keys and the health; else one signs in."""
    service = build(settings_for("", "redis://127.0.0.1:1", mail={"directory": str(tmp_path)}))

    public = {path for _, path, access in declared_access(service.app) if access.kind == "public"}

    ways_in = {f"/api/v1/identity/auth/{name}" for name in PUBLIC}
    profile = "/api/v1/identity/profiles/{user_id:uuid}"
    assert {path for path in public if path.startswith("/api")} == {*ways_in, profile}
    assert "/.well-known/jwks.json" in public


COMPLETE = {
    "PROMENADE_CONFIG_DIR": str(CONFIG),
    "PROMENADE_PUBLIC_URL": "http://127.0.0.1:1",
    "PROMENADE_JWKS_URL": "http://127.0.0.1:1/.well-known/jwks.json",
    "PROMENADE_REDIS_URL": "redis://127.0.0.1:1",
    "PROMENADE_SMTP_HOST": "127.0.0.1",
    "PROMENADE_SMTP_SENDER": "tea@example.com",
    "PROMENADE_HTTP__PORT": "0",
    "PROMENADE_ADMIN__PORT": "0",
    "AUTH_KEY_SECRET": SECRET,
    "PROMENADE_CURSOR_KEY": SECRET,
}


@pytest.mark.parametrize("missing", ["AUTH_KEY_SECRET", "PROMENADE_CURSOR_KEY"])
def test_the_command_line_names_what_is_missing(database_url: str, missing: str) -> None:
    """`serve` in production without a secret ends at once, with one sentence instead of a stack trace."""
    environment = {
        **os.environ,
        **COMPLETE,
        "PROMENADE_PROFILE": "prod",
        "PROMENADE_DATABASE_URL": database_url,
        missing: "",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "promenade_identity", "serve"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert ended.returncode == 2, ended.stderr
    assert missing in ended.stderr
    assert "Traceback" not in ended.stderr
