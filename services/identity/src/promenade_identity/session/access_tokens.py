"""Access tokens: JWTs after RFC 9068, signed with Ed25519."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_chassis.config import AuthSettings

from promenade_identity.key.entity import SigningKey
from promenade_identity.key.repository import KeyRing
from promenade_identity.session.entity import ACCESS_LIFETIME
from promenade_identity.user.entity import User

# There is one client: the suite's own API.
CLIENT_ID = "promenade"


class TokenSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `tokens`: how long an access token counts. 15 minutes at most: revocations are kept as long."""

    access_seconds: Annotated[int, msgspec.Meta(ge=5, le=int(ACCESS_LIFETIME.total_seconds()))] = int(
        ACCESS_LIFETIME.total_seconds()
    )

    @property
    def lifetime(self) -> timedelta:
        """How long an access token counts."""
        return timedelta(seconds=self.access_seconds)


class SignedAccessTokens:
    """Signs with the key of the ring; `lifetime` is how long a token counts."""

    def __init__(self, ring: KeyRing, settings: AuthSettings, lifetime: timedelta = ACCESS_LIFETIME) -> None:
        self.lifetime = lifetime
        self._ring = ring
        self._settings = settings
        self._loaded: tuple[str, Ed25519PrivateKey] | None = None

    async def issue(self, user: User, permissions: Collection[str], session_id: UUID, now: datetime) -> str:
        """A signed token with what the user may do at this moment."""
        key = await self._ring.signing()
        pair = self._pair_of(key)
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": str(user.id),
            "client_id": CLIENT_ID,
            "jti": str(uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "sid": str(session_id),
            "roles": list(user.roles),
            "permissions": sorted(permissions),
            "epoch": user.authz_epoch,
        }
        headers = {"typ": "at+jwt", "kid": key.kid}
        return jwt.encode(claims, pair, algorithm="EdDSA", headers=headers)

    def _pair_of(self, key: SigningKey) -> Ed25519PrivateKey:
        """Loaded once; of a key that signs no more nothing is kept."""
        if self._loaded is None or self._loaded[0] != key.kid:
            self._loaded = key.kid, Ed25519PrivateKey.from_private_bytes(key.private)
        return self._loaded[1]
