"""An issuer of access tokens with a real key, for tests of what verifies them."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER, AUDIENCE = "https://promenade.example.com", "promenade"


class Issuer:
    """Signs access tokens as Identity does; `headers` and `claims` replace what it would write, None leaves it out."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.private_key = Ed25519PrivateKey.generate()
        self.fetches = 0
        self.away = False

    @property
    def public_bytes(self) -> bytes:
        """The raw public key."""
        return self.private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM: what a confused verifier takes for an HMAC secret."""
        return self.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def jwk(self) -> dict[str, Any]:
        """The public key as Identity publishes it."""
        x = base64.urlsafe_b64encode(self.public_bytes).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x}

    async def fetch(self) -> dict[str, Any]:
        """What `/.well-known/jwks.json` answers; raises while `away`."""
        self.fetches += 1
        if self.away:
            raise OSError("connection refused")
        return {"keys": [self.jwk()]}

    def claims(self, **claims: Any) -> dict[str, Any]:
        """The claims of a token that is good for fifteen minutes."""
        now = int(time.time())
        good = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(uuid4()),
            "client_id": "promenade",
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 900,
            "sid": str(uuid4()),
            "roles": ["user"],
            "permissions": ["orders:read"],
            "epoch": 3,
        }
        return {name: value for name, value in {**good, **claims}.items() if value is not None}

    def token(self, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token signed with the real key."""
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid, **(headers or {})}
        signing_input = f"{_part(_present(header))}.{_part(self.claims(**claims))}"
        return f"{signing_input}.{_encoded(self.private_key.sign(signing_input.encode()))}"

    def forged(self, algorithm: str, secret: bytes, **headers: Any) -> str:
        """A token signed with an HMAC over `secret`, or not at all."""
        header = {"alg": algorithm, "typ": "at+jwt", "kid": self.kid, **headers}
        signing_input = f"{_part(header)}.{_part(self.claims())}"
        if algorithm.lower() == "none":
            return f"{signing_input}."
        return f"{signing_input}.{_encoded(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def _present(header: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in header.items() if value is not None}


def _part(content: dict[str, Any]) -> str:
    return _encoded(json.dumps(content).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
