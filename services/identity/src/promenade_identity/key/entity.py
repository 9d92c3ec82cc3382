"""A signing key of Identity: Ed25519."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

from promenade_chassis.ports import utc_now

Jwk = dict[str, str]


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


def signing_key_of(keys: list[SigningKey], now: datetime) -> SigningKey | None:
    """The key that signs now: the youngest of those that may."""
    able = [key for key in keys if key.signs_from <= now and key.is_published(now)]
    return max(able, key=lambda key: key.signs_from, default=None)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
