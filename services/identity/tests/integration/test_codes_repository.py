"""What the port `Codes` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from identity_fakes import InMemoryCodeRequests, InMemoryCodes
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.code.entity import CODE_EVERY, LIFETIME, MAX_TRIES, MEMORY, CodeRequest, IssuedCode, Purpose
from promenade_identity.code.postgres import PostgresCodeRequests, PostgresCodes
from promenade_identity.code.repository import CodeRequests, Codes, may_send_code

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ADDRESS, KIND = "ada@example.com", Purpose.VERIFY_CONTACT


class Store:
    """A unit of work with its codes and requests, and the steps of these tests."""

    def __init__(self, unit_of_work: UnitOfWork, codes: Codes, requests: CodeRequests) -> None:
        self.unit_of_work = unit_of_work
        self.codes = codes
        self.requests = requests

    async def issue(self, digest: bytes = b"right", purpose: Purpose = Purpose.VERIFY_CONTACT) -> IssuedCode:
        code = IssuedCode(purpose, uuid4(), digest, NOW + LIFETIME)
        async with self.unit_of_work.begin():
            await self.codes.replace(code)
        return code

    async def redeem(self, code: IssuedCode, digest: bytes = b"right", now: datetime = NOW) -> bool:
        async with self.unit_of_work.begin():
            return await self.codes.redeem(code.purpose, code.subject, digest, now)

    async def ask(self, user_id: UUID, now: datetime = NOW, value: str = ADDRESS, kind: Purpose = KIND) -> None:
        async with self.unit_of_work.begin():
            await self.requests.add(kind, value, CodeRequest(user_id, now))

    async def asked(self, now: datetime = NOW, value: str = ADDRESS, kind: Purpose = KIND) -> list[CodeRequest]:
        async with self.unit_of_work.begin():
            return list(await self.requests.hold(kind, value, now))


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        unit_of_work = InMemoryUnitOfWork()
        return Store(unit_of_work, InMemoryCodes(unit_of_work), InMemoryCodeRequests(unit_of_work))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresCodes(database), PostgresCodeRequests(database))


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


async def test_codes_that_are_over_are_forgotten(store: Store) -> None:
    """Living ones stay."""
    over, living = await store.issue(), await store.issue()
    async with store.unit_of_work.begin():
        await store.codes.replace(IssuedCode(living.purpose, living.subject, b"right", NOW + LIFETIME + MOMENT))

    async with store.unit_of_work.begin():
        await store.codes.drop_expired(NOW + LIFETIME)

    assert [await store.redeem(over), await store.redeem(living)] == [False, True]


async def test_requests_are_remembered_for_an_hour(store: Store) -> None:
    """By purpose and value, with who asked and when, oldest first."""
    ada, eve = uuid4(), uuid4()
    await store.ask(ada, NOW - MEMORY)
    await store.ask(ada, NOW - MEMORY + MOMENT)
    await store.ask(eve, NOW)
    await store.ask(eve, NOW, value="other@example.com")
    await store.ask(eve, NOW, kind=Purpose.RESET_PASSWORD)

    assert await store.asked() == [CodeRequest(ada, NOW - MEMORY + MOMENT), CodeRequest(eve, NOW)]
    assert await store.asked(NOW + MEMORY) == []


async def test_requests_are_forgotten_on_demand(store: Store) -> None:
    """Those of one purpose and value, or all that are old."""
    ada = uuid4()
    await store.ask(ada)
    await store.ask(ada, kind=Purpose.RESET_PASSWORD)

    async with store.unit_of_work.begin():
        await store.requests.forget(KIND, ADDRESS)
    assert (await store.asked(), len(await store.asked(kind=Purpose.RESET_PASSWORD))) == ([], 1)
    async with store.unit_of_work.begin():
        await store.requests.drop_expired(NOW + MEMORY)
    assert await store.asked(kind=Purpose.RESET_PASSWORD) == []


async def test_a_request_that_was_rolled_back_was_never_made(store: Store) -> None:
    """It stands or falls with the code that is sent."""
    with suppress(LookupError):
        async with store.unit_of_work.begin():
            await store.requests.add(KIND, ADDRESS, CodeRequest(uuid4(), NOW))
            raise LookupError

    assert await store.asked() == []


async def test_of_many_who_ask_at_once_one_is_served(store: Store) -> None:
    """Each waits for the one before to have been taken down, so that none slips through; a minute later one more is."""

    async def ask(now: datetime) -> bool:
        async with store.unit_of_work.begin():
            return await may_send_code(KIND, ADDRESS, uuid4(), now, store.requests)

    at_once = await asyncio.gather(*(ask(NOW) for _ in range(8)))
    later = await asyncio.gather(*(ask(NOW + CODE_EVERY) for _ in range(8)))

    assert (sum(at_once), sum(later)) == (1, 1)
    assert len(await store.asked(NOW + CODE_EVERY)) == 2
