"""Access tokens: JWTs after RFC 9068, signed with Ed25519."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_chassis.config import AuthSettings

from promenade_identity.key.repository import KeyRing
from promenade_identity.session.entity import ACCESS_LIFETIME
from promenade_identity.user.entity import User

# There is one client: the suite's own API.
CLIENT_ID = "promenade"


class SignedAccessTokens:
    """Signs with the key of the ring."""

    def __init__(self, ring: KeyRing, settings: AuthSettings) -> None:
        self._ring = ring
        self._settings = settings
        self._pairs: dict[str, Ed25519PrivateKey] = {}

    async def issue(self, user: User, permissions: Collection[str], session_id: UUID, now: datetime) -> str:
        """A signed token with what the user may do at this moment."""
        key = await self._ring.signing()
        if key.kid not in self._pairs:
            self._pairs[key.kid] = Ed25519PrivateKey.from_private_bytes(key.private)
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(user.id),
            "client_id": CLIENT_ID,
            "jti": str(uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFETIME).timestamp()),
            "sid": str(session_id),
            "roles": list(user.roles),
            "permissions": sorted(permissions),
            "epoch": user.authz_epoch,
        }
        headers = {"typ": "at+jwt", "kid": key.kid}
        return jwt.encode(claims, self._pairs[key.kid], algorithm="EdDSA", headers=headers)
