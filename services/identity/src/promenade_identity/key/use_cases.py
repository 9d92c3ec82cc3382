"""What can be done with signing keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from promenade_chassis.ports import UnitOfWork, utc_now

from promenade_identity.audit.entity import Action
from promenade_identity.audit.repository import Trail
from promenade_identity.key.entity import (
    Jwk,
    KeyState,
    KeyTimes,
    RotationUnderWay,
    SigningKey,
    pending_key_of,
    signing_key_of,
    state_of,
)
from promenade_identity.key.repository import KeyRing, Keysmith, SigningKeys


@dataclass(frozen=True, slots=True)
class KeyRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    keys: SigningKeys
    keysmith: Keysmith
    ring: KeyRing
    times: KeyTimes
    trail: Trail


async def ensure_signing_key(*, room: KeyRoom) -> None:
    """Make the first key, once, however many replicas start together."""
    async with room.unit_of_work.begin():
        if signing_key_of(await room.keys.hold_all(), utc_now()) is None:
            await room.keys.add(room.keysmith.make())
        await room.keys.seal_anew()


async def public_keys(*, room: KeyRoom) -> dict[str, list[Jwk]]:
    """The JSON Web Key Set (RFC 7517) that tokens are verified with."""
    return {"keys": [key.jwk for key in await room.ring.published()]}


async def list_keys(*, room: KeyRoom) -> list[tuple[SigningKey, KeyState]]:
    """The keys that are published, oldest first, and where each stands."""
    keys, now = await room.keys.all(), utc_now()
    return [(key, state_of(key, keys, now)) for key in keys if key.is_published(now)]


async def rotate_signing_key(*, room: KeyRoom) -> SigningKey:
    """Publish the key that will sign next; raises `RotationUnderWay` while there is one already."""
    now = utc_now()
    async with room.unit_of_work.begin():
        keys = await room.keys.hold_all()
        pending = pending_key_of(keys, now)
        if pending is not None:
            raise RotationUnderWay(pending)
        return await _succeed(keys, now, room)


async def tend_keys(*, room: KeyRoom) -> bool:
    """Replace a key that has come of age, delete what has retired; answers False: the next look has time."""
    now = utc_now()
    async with room.unit_of_work.begin():
        keys = await room.keys.hold_all()
        if _is_due(keys, now, room):
            await _succeed(keys, now, room)
        await room.keys.drop_retired(now)
        await room.keys.seal_anew()
    return False


def _is_due(keys: list[SigningKey], now: datetime, room: KeyRoom) -> bool:
    every, signing = room.times.every, signing_key_of(keys, now)
    if every is None or signing is None or pending_key_of(keys, now) is not None:
        return False
    return now - signing.signs_from >= every


async def _succeed(keys: list[SigningKey], now: datetime, room: KeyRoom) -> SigningKey:
    """A key in the others' place. Without others it signs at once: there is nobody yet who knows one."""
    signs_from = now + room.times.ahead if keys else now
    new = replace(room.keysmith.make(), created_at=now, signs_from=signs_from)
    for key in keys:
        if key.retires_at is None:
            await room.keys.end(key.kid, signs_from + room.times.after)
    await room.keys.add(new)
    await room.trail.record(
        Action.ROTATE_KEY, actor=None, subject=new.kid, details={"signs_from": signs_from.isoformat()}
    )
    return new
