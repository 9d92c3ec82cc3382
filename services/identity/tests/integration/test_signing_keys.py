"""Signing keys where they are kept: one suite for the fake and for PostgreSQL, and what only a database can show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
import pytest
from identity_fakes_sessions import InMemorySigningKeys
from identity_service import SECRET, furnished, settings_for, working
from promenade_chassis.config import Settings
from promenade_chassis.database import Database
from promenade_chassis.ports import UnitOfWork, utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.bootstrap import build
from promenade_identity.furniture import Rooms
from promenade_identity.key.ed25519 import Ed25519Keysmith
from promenade_identity.key.entity import RotationUnderWay, SigningKey
from promenade_identity.key.postgres import PostgresSigningKeys
from promenade_identity.key.repository import SigningKeys
from promenade_identity.key.use_cases import ensure_signing_key, list_keys, rotate_signing_key, tend_keys
from promenade_identity.sealing import Seal, SealBroken, derived_key

SEAL = Seal(derived_key("a secret", "tests"))
NOW = datetime.fromisoformat("2026-02-28T23:59:59+00:00")


@dataclass
class Store:
    """Keys with their unit of work."""

    unit_of_work: UnitOfWork
    keys: SigningKeys

    async def add(self, signs_from: datetime, retires_at: datetime | None = None) -> SigningKey:
        made = Ed25519Keysmith().make()
        key = replace(made, created_at=signs_from, signs_from=signs_from, retires_at=retires_at)
        async with self.unit_of_work.begin():
            await self.keys.add(key)
        return key


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        return Store(memory, InMemorySigningKeys(memory))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresSigningKeys(database, SEAL))


async def test_keys_come_back_as_they_were(store: Store) -> None:
    """Oldest first, private halves and all, held or not."""
    young = await store.add(NOW)
    old = await store.add(NOW - timedelta(days=9), retires_at=NOW)

    async with store.unit_of_work.begin():
        held = await store.keys.hold_all()

    assert held == await store.keys.all() == [old, young]


async def test_a_key_is_given_its_end(store: Store) -> None:
    """That one and no other."""
    other = await store.add(NOW - timedelta(days=9), retires_at=NOW)
    key = await store.add(NOW)

    async with store.unit_of_work.begin():
        await store.keys.end(key.kid, NOW + timedelta(hours=1))

    assert await store.keys.all() == [other, replace(key, retires_at=NOW + timedelta(hours=1))]


async def test_what_has_retired_is_deleted(store: Store) -> None:
    """To the moment; what is still published stays."""
    await store.add(NOW - timedelta(days=2), retires_at=NOW)
    retiring = await store.add(NOW - timedelta(days=1), retires_at=NOW + timedelta(microseconds=1))
    signing = await store.add(NOW)

    async with store.unit_of_work.begin():
        dropped = await store.keys.drop_retired(NOW)

    assert (dropped, await store.keys.all()) == (1, [retiring, signing])


async def test_two_keys_without_an_end_cannot_be(database: Database) -> None:
    """The database itself refuses what no rotation should do."""
    store = Store(database, PostgresSigningKeys(database, SEAL))
    await store.add(NOW)

    with pytest.raises(psycopg.errors.UniqueViolation):
        await store.add(NOW + timedelta(minutes=3))


async def test_rotations_at_once_are_one(rooms: Rooms) -> None:
    """Of eight told at the same time one publishes a key; the others hear of it and change nothing."""
    told = await asyncio.gather(*(rotate_signing_key(room=rooms.key) for _ in range(8)), return_exceptions=True)

    made = [each for each in told if isinstance(each, SigningKey)]
    refused = [each for each in told if isinstance(each, RotationUnderWay)]
    assert (len(made), len(refused)) == (1, 7)
    assert {each.pending.kid for each in refused} == {made[0].kid}
    assert [(key.kid, state) for key, state in await list_keys(room=rooms.key)][1:] == [(made[0].kid, "pending")]


async def test_two_workers_replace_an_old_key_once(settings: Settings, database_url: str, redis_url: str) -> None:
    """Both look at the same moment, as the jobs of two replicas do."""
    async with furnished(settings) as (rooms, _), furnished(settings) as (others, _):
        (first,) = await rooms.key.keys.all()
        await _age(rooms, first, days=91)

        await asyncio.gather(*(tend_keys(room=room) for room in (rooms.key, others.key) for _ in range(4)))

        states = [state for _, state in await list_keys(room=rooms.key)]
    assert states == ["signing", "pending"]


async def test_a_replica_starts_and_rotates_beside_a_worker(settings: Settings) -> None:
    """No lock that a worker keeps for as long as it lives, as its relay does, is the one of the keys."""
    async with working(build(settings)), furnished(settings) as (rooms, _):
        await rotate_signing_key(room=rooms.key)

        assert [state for _, state in await list_keys(room=rooms.key)] == ["signing", "pending"]


async def test_a_secret_is_exchanged_without_a_pause(settings: Settings, database_url: str, redis_url: str) -> None:
    """With the old one named beside it the keys open, and are sealed anew: the old one is needed no more."""
    new, old = SECRET[::-1], SECRET
    async with furnished(settings) as (rooms, _):
        key = await rooms.key.ring.signing()
    both = settings_for(database_url, redis_url, mail={"directory": "x"}, keys={"secret": new, "secret_other": old})
    async with furnished(both) as (rooms, _):
        assert (await rooms.key.ring.signing()) == key
    alone = settings_for(database_url, redis_url, mail={"directory": "x"}, keys={"secret": new})
    async with furnished(alone) as (rooms, _):
        assert (await rooms.key.ring.signing()) == key
    async with furnished(settings, with_key=False) as (rooms, _):
        with pytest.raises(SealBroken):
            await ensure_signing_key(room=rooms.key)


async def _age(rooms: Rooms, key: SigningKey, *, days: int) -> None:
    """Put the key's first signature into the past."""
    async with rooms.key.unit_of_work.begin():
        await rooms.key.keys.end(key.kid, utc_now() + timedelta(seconds=1))
        await rooms.key.keys.drop_retired(utc_now() + timedelta(seconds=1))
        await rooms.key.keys.add(replace(key, signs_from=utc_now() - timedelta(days=days)))
