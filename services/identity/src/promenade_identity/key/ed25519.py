"""Ed25519 key pairs, and the ring that keeps them at hand."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_chassis.ports import ServiceUnavailable, utc_now

from promenade_identity.key.entity import SigningKey, signing_key_of
from promenade_identity.key.repository import SigningKeys


class Ed25519Keysmith:
    """Makes key pairs of the system's randomness."""

    def make(self) -> SigningKey:
        """A new random one, which signs at once."""
        pair = Ed25519PrivateKey.generate()
        return SigningKey(public=pair.public_key().public_bytes_raw(), private=pair.private_bytes_raw())


class CachedKeyRing:
    """Reads the keys at most every `seconds`; a new key is published for longer than that before it signs."""

    def __init__(self, keys: SigningKeys, seconds: float = 30.0) -> None:
        self._keys = keys
        self._seconds = seconds
        self._read_at = float("-inf")
        self._known: list[SigningKey] = []

    async def signing(self) -> SigningKey:
        """The key that signs now; raises `ServiceUnavailable` while there is none."""
        key = signing_key_of(await self._fresh(), utc_now())
        if key is None:
            raise ServiceUnavailable("There is no key to sign tokens with yet")
        return key

    async def published(self) -> list[SigningKey]:
        """The keys that verifiers have to know."""
        now = utc_now()
        return [key for key in await self._fresh() if key.is_published(now)]

    async def _fresh(self) -> list[SigningKey]:
        if not self._known or time.monotonic() - self._read_at >= self._seconds:
            self._known = await self._keys.all()
            self._read_at = time.monotonic()
        return self._known
