"""Keys take turns: on fakes, with the clock in the test's hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import jwt
import pytest
from identity_rooms import AUTH, Fakes
from promenade_chassis.auth import InvalidToken, Keys, TokenVerifier
from promenade_identity.audit.entity import Action
from promenade_identity.key import ed25519, use_cases
from promenade_identity.key.ed25519 import CachedKeyRing
from promenade_identity.key.entity import RotationUnderWay
from promenade_identity.key.use_cases import (
    KeyRoom,
    ensure_signing_key,
    list_keys,
    public_keys,
    rotate_signing_key,
    tend_keys,
)
from promenade_identity.session.access_tokens import SignedAccessTokens
from promenade_identity.user.entity import User
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id

PassTime = Callable[[timedelta], None]
SECOND = timedelta(seconds=1)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> PassTime:
    """Moves the clock of keys and of the ring's cache on."""
    passed = timedelta()
    real = use_cases.utc_now

    def pass_time(span: timedelta) -> None:
        nonlocal passed
        passed += span

    def now() -> datetime:
        return real() + passed

    monkeypatch.setattr(use_cases, "utc_now", now)
    monkeypatch.setattr(ed25519, "utc_now", now)
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed.total_seconds())
    return pass_time


@pytest.fixture
async def room(fakes: Fakes, pass_time: PassTime) -> KeyRoom:
    """The room with its first key and a ring that reads every half a minute."""
    room = replace(fakes.rooms.key, ring=CachedKeyRing(fakes.keys, 30))
    await ensure_signing_key(room=room)
    return room


async def published(room: KeyRoom) -> list[str]:
    return [key["kid"] for key in (await public_keys(room=room))["keys"]]


async def states(room: KeyRoom) -> list[str]:
    return [state for _, state in await list_keys(room=room)]


async def test_a_key_lives_from_publishing_to_its_last_token(room: KeyRoom, pass_time: PassTime) -> None:
    """Published ahead, it signs to the moment; the one before stays for its tokens and is deleted after the last."""
    old = (await room.ring.signing()).kid

    new = (await rotate_signing_key(room=room)).kid
    pass_time(timedelta(seconds=30))

    assert (await published(room), (await room.ring.signing()).kid) == ([old, new], old)
    assert await states(room) == ["signing", "pending"]
    pass_time(room.times.ahead - timedelta(seconds=31))
    assert (await room.ring.signing()).kid == old
    pass_time(SECOND)
    assert (await published(room), (await room.ring.signing()).kid) == ([old, new], new)
    assert await states(room) == ["retiring", "signing"]
    pass_time(room.times.after - SECOND)
    await tend_keys(room=room)
    assert await published(room) == [old, new]
    pass_time(SECOND)
    assert await published(room) == [new]
    await tend_keys(room=room)
    assert [key.kid for key in await room.keys.all()] == [new]


async def test_there_is_one_rotation_at_a_time(fakes: Fakes, room: KeyRoom, pass_time: PassTime) -> None:
    """While a key waits another is refused, changes nothing and is not recorded; afterwards it goes on."""
    pending = await rotate_signing_key(room=room)
    before = await room.keys.all()

    with pytest.raises(RotationUnderWay, match=pending.kid):
        await rotate_signing_key(room=room)

    assert await room.keys.all() == before
    pass_time(room.times.ahead)
    third = await rotate_signing_key(room=room)
    assert await states(room) == ["retiring", "signing", "pending"]
    assert [(action, actor, subject) for action, actor, subject, _ in fakes.trail.entries] == [
        (Action.ROTATE_KEY, None, pending.kid),
        (Action.ROTATE_KEY, None, third.kid),
    ]


async def test_tokens_count_throughout(room: KeyRoom, pass_time: PassTime) -> None:
    """What was signed last with the old key is verified to its end by who reads the keys once a minute."""
    user = User(email=Email("ada@example.com"))
    verifier = TokenVerifier(
        Keys(lambda: public_keys(room=room), refresh_seconds=60), issuer=AUTH.issuer, audience=AUTH.audience
    )
    tokens = SignedAccessTokens(room.ring, AUTH)
    await rotate_signing_key(room=room)
    pass_time(room.times.ahead - SECOND)

    of_old = await tokens.issue(user, (), new_id(), use_cases.utc_now() - room.times.ahead)
    pass_time(SECOND)
    of_new = await tokens.issue(user, (), new_id(), use_cases.utc_now() - room.times.ahead)

    assert kid_of(of_old) != kid_of(of_new)
    assert {(await verifier.verify(token)).subject for token in (of_old, of_new)} == {str(user.id)}
    pass_time(room.times.after + timedelta(minutes=1))
    assert (await verifier.verify(of_new)).subject == str(user.id)
    with pytest.raises(InvalidToken):
        await verifier.verify(of_old)


async def test_a_key_that_has_come_of_age_is_replaced(fakes: Fakes, room: KeyRoom, pass_time: PassTime) -> None:
    """By itself after the configured days, once; not before, and not where that is switched off."""
    assert room.times.every is not None
    pass_time(room.times.every - SECOND)
    await tend_keys(room=room)
    assert await states(room) == ["signing"]

    pass_time(SECOND)
    await tend_keys(room=replace(room, times=replace(room.times, every=None)))
    assert await states(room) == ["signing"]
    await tend_keys(room=room)
    await tend_keys(room=room)

    assert await states(room) == ["signing", "pending"]
    assert len(fakes.trail.entries) == 1


async def test_the_first_key_signs_at_once(fakes: Fakes) -> None:
    """Nobody knows another: a rotation before the first start is that start."""
    await rotate_signing_key(room=fakes.rooms.key)
    await ensure_signing_key(room=fakes.rooms.key)

    assert await states(fakes.rooms.key) == ["signing"]


async def test_a_rotation_that_cannot_be_recorded_does_not_happen(room: KeyRoom) -> None:
    """Key, end of the one before and entry of the trail are one."""
    before = await room.keys.all()

    with pytest.raises(ConnectionError):
        await rotate_signing_key(room=replace(room, trail=BrokenTrail()))

    assert await room.keys.all() == before


class BrokenTrail:
    """Fails."""

    async def record(self, *_: object, **__: object) -> None:
        raise ConnectionError


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
