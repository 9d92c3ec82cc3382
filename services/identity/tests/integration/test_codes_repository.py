"""What the port `Codes` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from identity_fakes import InMemoryCodes
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.code.entity import LIFETIME, MAX_TRIES, IssuedCode, Purpose
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.code.repository import Codes

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


class Store:
    """A unit of work with its codes, and the steps of these tests."""

    def __init__(self, unit_of_work: UnitOfWork, codes: Codes) -> None:
        self.unit_of_work = unit_of_work
        self.codes = codes

    async def issue(self, digest: bytes = b"right", purpose: Purpose = Purpose.VERIFY_CONTACT) -> IssuedCode:
        code = IssuedCode(purpose, uuid4(), digest, NOW + LIFETIME)
        async with self.unit_of_work.begin():
            await self.codes.replace(code)
        return code

    async def redeem(self, code: IssuedCode, digest: bytes = b"right", now: datetime = NOW) -> bool:
        async with self.unit_of_work.begin():
            return await self.codes.redeem(code.purpose, code.subject, digest, now)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        unit_of_work = InMemoryUnitOfWork()
        return Store(unit_of_work, InMemoryCodes(unit_of_work))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresCodes(database))


async def test_a_code_counts_once(store: Store) -> None:
    """The right code is redeemed, and then used up."""
    code = await store.issue()

    assert [await store.redeem(code), await store.redeem(code)] == [True, False]


@pytest.mark.parametrize(("tries", "redeemed"), [(MAX_TRIES - 1, True), (MAX_TRIES, False)])
async def test_a_code_lives_for_five_tries(store: Store, tries: int, redeemed: bool) -> None:
    """Four wrong tries leave room for the right one, five do not."""
    code = await store.issue()
    for _ in range(tries):
        assert not await store.redeem(code, b"wrong")

    assert await store.redeem(code) is redeemed


@pytest.mark.parametrize(("age", "redeemed"), [(LIFETIME - MOMENT, True), (LIFETIME, False)])
async def test_a_code_lives_for_ten_minutes(store: Store, age: timedelta, redeemed: bool) -> None:
    """The last microsecond counts, the one after does not."""
    code = await store.issue()

    assert await store.redeem(code, now=NOW + age) is redeemed


async def test_a_new_code_replaces_the_old(store: Store) -> None:
    """Of one purpose and subject only the newest counts, with tries of its own."""
    old = await store.issue(b"old")
    for _ in range(MAX_TRIES):
        await store.redeem(old, b"wrong")
    async with store.unit_of_work.begin():
        await store.codes.replace(IssuedCode(old.purpose, old.subject, b"new", NOW + LIFETIME))

    assert [await store.redeem(old, b"old"), await store.redeem(old, b"new")] == [False, True]


async def test_a_used_code_can_be_followed_by_another(store: Store) -> None:
    """Replacing brings the row back to life."""
    code = await store.issue()
    await store.redeem(code)
    async with store.unit_of_work.begin():
        await store.codes.replace(code)

    assert await store.redeem(code)


async def test_codes_of_other_purposes_and_subjects_are_other_codes(store: Store) -> None:
    """A digest is looked for under its own purpose and subject alone."""
    code = await store.issue(purpose=Purpose.RESET_PASSWORD)

    other_purpose = IssuedCode(Purpose.VERIFY_CONTACT, code.subject, code.digest, code.expires_at)
    other_subject = IssuedCode(code.purpose, uuid4(), code.digest, code.expires_at)

    assert [await store.redeem(other_purpose), await store.redeem(other_subject)] == [False, False]
    assert await store.redeem(code)


async def test_a_rolled_back_try_is_not_counted(store: Store) -> None:
    """The count belongs to the unit of work: who wants it to stay must commit."""
    code = await store.issue()
    for _ in range(MAX_TRIES):
        with suppress(LookupError):
            async with store.unit_of_work.begin():
                await store.codes.redeem(code.purpose, code.subject, b"wrong", NOW)
                raise LookupError

    assert await store.redeem(code)


async def test_codes_need_a_unit_of_work(store: Store) -> None:
    """A code is issued with the mail that carries it, and redeemed with what it proves."""
    code = IssuedCode(Purpose.VERIFY_CONTACT, uuid4(), b"right", NOW + LIFETIME)

    with pytest.raises(TransactionMisuse):
        await store.codes.replace(code)
    with pytest.raises(TransactionMisuse):
        await store.codes.redeem(code.purpose, code.subject, code.digest, NOW)
