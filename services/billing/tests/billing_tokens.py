"""Access tokens as Identity signs them, and its published key as a file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_chassis.config import AuthSettings

ISSUER = "https://promenade.example.com"


class Tokens:
    """Signs users in; `settings` lets a service verify them without asking anybody."""

    def __init__(self, folder: Path) -> None:
        self._key = Ed25519PrivateKey.generate()
        public: dict[str, Any] = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key()))
        copy = folder / "jwks.json"
        copy.write_text(json.dumps({"keys": [{**public, "kid": "test", "alg": "EdDSA", "use": "sig"}]}))
        self.settings = AuthSettings(issuer=ISSUER, jwks_url="http://127.0.0.1:1/", jwks_cache=str(copy))

    def headers_of(self, user_id: UUID, *permissions: str) -> dict[str, str]:
        """The Authorization header of a user with these permissions."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "promenade",
            "sub": str(user_id),
            "client_id": "tests",
            "jti": str(uuid4()),
            "sid": str(uuid4()),
            "iat": now,
            "exp": now + 900,
            "epoch": 0,
            "roles": ["user"],
            "permissions": permissions,
        }
        token = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"typ": "at+jwt", "kid": "test"})
        return {"Authorization": f"Bearer {token}"}
