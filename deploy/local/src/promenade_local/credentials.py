"""The superadmin of a new stack and his random password."""

import secrets
from pathlib import Path

import msgspec

from promenade_local.home import Home, write_private

EMAIL = "admin@promenade.example.com"


class Credentials(msgspec.Struct, frozen=True):
    """What `credentials.json` holds."""

    email: str
    password: str


def pending_credentials(home: Home) -> Credentials:
    """A new password, or the one of an attempt that died before it was done."""
    pending = _pending(home)
    if not pending.exists():
        fresh = Credentials(email=EMAIL, password=secrets.token_urlsafe(24))
        write_private(pending, msgspec.json.encode(fresh).decode())
    return msgspec.json.decode(pending.read_bytes(), type=Credentials)


def keep_credentials(home: Home) -> None:
    """The superadmin exists now: publish his credentials."""
    _pending(home).rename(home.credentials)


def _pending(home: Home) -> Path:
    return home.credentials.with_name("credentials.json.pending")
