"""The account a request is about, as a key that tells nobody which account it is."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, cast

import msgspec
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue


class AccountKeys:
    """HMACs of email addresses: the same for every spelling of one address, whether the account exists or not."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def of(self, body: bytes) -> str | None:
        """The key of the address in a JSON body's `email`; None where there is none."""
        try:
            plain = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        email: Any = cast("dict[str, Any]", plain).get("email") if isinstance(plain, dict) else None
        if not isinstance(email, str):
            return None
        return hmac.new(self._secret, _spelling(email).encode(errors="replace"), hashlib.sha256).hexdigest()


def _spelling(email: str) -> str:
    try:
        return Email(email).canonical
    except InvalidValue:
        return email.strip().lower()
