"""What can be done with signing keys."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.ports import UnitOfWork, utc_now

from promenade_identity.key.entity import Jwk, signing_key_of
from promenade_identity.key.repository import KeyRing, Keysmith, SigningKeys


@dataclass(frozen=True, slots=True)
class KeyRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    keys: SigningKeys
    keysmith: Keysmith
    ring: KeyRing


async def ensure_signing_key(*, room: KeyRoom) -> None:
    """Make the first key, once, however many replicas start together."""
    async with room.unit_of_work.begin():
        if signing_key_of(await room.keys.hold_all(), utc_now()) is None:
            await room.keys.add(room.keysmith.make())


async def public_keys(*, room: KeyRoom) -> dict[str, list[Jwk]]:
    """The JSON Web Key Set (RFC 7517) that tokens are verified with."""
    return {"keys": [key.jwk for key in await room.ring.published()]}
