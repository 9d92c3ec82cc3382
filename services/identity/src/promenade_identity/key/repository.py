"""The ports of signing keys."""

from __future__ import annotations

from typing import Protocol

from promenade_identity.key.entity import SigningKey


class SigningKeys(Protocol):
    """All keys of the service."""

    async def hold_all(self) -> list[SigningKey]:
        """The keys, held: until the transaction ends nobody else adds one."""
        ...

    async def all(self) -> list[SigningKey]:
        """The keys, oldest first."""
        ...

    async def add(self, key: SigningKey) -> None:
        """Store a key, its private half sealed."""
        ...


class Keysmith(Protocol):
    """Makes key pairs."""

    def make(self) -> SigningKey:
        """A new random one."""
        ...


class KeyRing(Protocol):
    """The keys at hand, read again now and then."""

    async def signing(self) -> SigningKey:
        """The key that signs now; raises `ServiceUnavailable` while there is none."""
        ...

    async def published(self) -> list[SigningKey]:
        """The keys that verifiers have to know."""
        ...
