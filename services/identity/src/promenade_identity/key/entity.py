"""A signing key of Identity: Ed25519, and the times at which keys take turns."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from promenade_chassis.ports import utc_now

Jwk = dict[str, str]


class KeyState(StrEnum):
    """Where a key stands: published ahead of its time, signing, or published for the tokens that it has signed."""

    PENDING = "pending"
    SIGNING = "signing"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """How keys take turns.

    A new one is published `ahead` of its first signature, so that every verifier knows it by then; the one before is
    published `after` its last, until no token of it counts any more. `every` is the age at which a key is replaced
    without being asked, None: never.
    """

    ahead: timedelta
    after: timedelta
    every: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """One key pair as raw bytes. It signs from `signs_from` on and is published until `retires_at`."""

    public: bytes
    private: bytes = field(repr=False)
    created_at: datetime = field(default_factory=utc_now)
    signs_from: datetime = field(default_factory=utc_now)
    retires_at: datetime | None = None

    @property
    def kid(self) -> str:
        """The key's name: its thumbprint (RFC 7638)."""
        required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(self.public)}
        canonical = json.dumps(required, separators=(",", ":"), sort_keys=True)
        return _base64url(hashlib.sha256(canonical.encode()).digest())

    @property
    def jwk(self) -> Jwk:
        """The public half as a JSON Web Key (RFC 8037)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _base64url(self.public),
            "kid": self.kid,
            "use": "sig",
            "alg": "EdDSA",
        }

    def is_published(self, now: datetime) -> bool:
        """Whether verifiers still have to know it."""
        return self.retires_at is None or now < self.retires_at


class RotationUnderWay(Exception):
    """A new key is published and does not sign yet: there is one rotation at a time."""

    def __init__(self, pending: SigningKey) -> None:
        moment = f"{pending.signs_from.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        super().__init__(f"a rotation is under way: {pending.kid} signs from {moment}")
        self.pending = pending


def signing_key_of(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The key that signs now: the youngest of those that may."""
    able = [key for key in keys if key.signs_from <= now and key.is_published(now)]
    return max(able, key=lambda key: key.signs_from, default=None)


def pending_key_of(keys: Sequence[SigningKey], now: datetime) -> SigningKey | None:
    """The key that is published ahead of its time, if there is one."""
    return next((key for key in keys if now < key.signs_from), None)


def state_of(key: SigningKey, keys: Sequence[SigningKey], now: datetime) -> KeyState:
    """Where one of the keys stands."""
    if now < key.signs_from:
        return KeyState.PENDING
    return KeyState.SIGNING if key is signing_key_of(keys, now) else KeyState.RETIRING


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
