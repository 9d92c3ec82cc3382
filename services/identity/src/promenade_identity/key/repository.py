"""The ports of signing keys."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from promenade_identity.key.entity import SigningKey


class SigningKeys(Protocol):
    """All keys of the service. One of them at most has no end: the newest."""

    async def hold_all(self) -> list[SigningKey]:
        """The keys, oldest first, held: until the transaction ends nobody else adds or ends one."""
        ...

    async def all(self) -> list[SigningKey]:
        """The keys, oldest first."""
        ...

    async def add(self, key: SigningKey) -> None:
        """Store a key, its private half sealed."""
        ...

    async def end(self, kid: str, retires_at: datetime) -> None:
        """Say until when a key is published."""
        ...

    async def drop_retired(self, now: datetime) -> int:
        """Delete the keys whose time is over, private halves and all; answers how many."""
        ...

    async def seal_anew(self) -> int:
        """Seal with the present secret what another one had sealed; answers how many."""
        ...


class Keysmith(Protocol):
    """Makes key pairs."""

    def make(self) -> SigningKey:
        """A new random one, which signs at once."""
        ...


class KeyRing(Protocol):
    """The keys at hand, read again now and then."""

    async def signing(self) -> SigningKey:
        """The key that signs now; raises `ServiceUnavailable` while there is none."""
        ...

    async def published(self) -> list[SigningKey]:
        """The keys that verifiers have to know."""
        ...
