"""A six-digit code: single use, 10 minutes (an invitation 7 days), 5 tries, hashed with the service's key."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5


class Purpose(StrEnum):
    """What a code is good for; a code of one purpose never serves another."""

    VERIFY_CONTACT = "verify-contact"
    ACTIVATE_USER = "activate-user"
    RESET_PASSWORD = "reset-password"  # noqa: S105 - a purpose, no password
    ACCEPT_INVITATION = "accept-invitation"


# Who is invited did not ask for it, and may look into his mail next week.
LIFETIMES = {Purpose.ACCEPT_INVITATION: timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code as it is stored: only its digest, bound to purpose and subject."""

    purpose: Purpose
    subject: UUID
    digest: bytes
    expires_at: datetime


class CodeMint:
    """Makes codes and digests. Six digits could be tried out offline, so the digest is keyed (HMAC-SHA256)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, purpose: Purpose, subject: UUID, now: datetime, *, proves: str = "") -> tuple[str, IssuedCode]:
        """A fresh code for the mail, and what to store of it; good for the value it `proves` and no other."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        expires_at = now + LIFETIMES.get(purpose, LIFETIME)
        return code, IssuedCode(purpose, subject, self.digest(purpose, subject, code, proves=proves), expires_at)

    def digest(self, purpose: Purpose, subject: UUID, code: str, *, proves: str = "") -> bytes:
        """The digest of a code as somebody typed it."""
        message = f"{purpose}|{subject}|{code.strip()}|{proves}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).digest()
