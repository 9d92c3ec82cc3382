"""What the store of answers promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import pytest
from promenade_chassis.database import Database
from promenade_chassis.idempotency import (
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    IdempotencyStore,
    PostgresIdempotencyStore,
    StoredAnswer,
)
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.testing.fakes import InMemoryIdempotencyStore, InMemoryUnitOfWork
from psycopg import OperationalError

BODY, OTHER = b"hash of a body", b"hash of another"
ANSWER = StoredAnswer(
    201, {"location": "/things/1", "etag": '"1"', "content-type": "application/json"}, b'{"a": "\xc3\xa9"}'
)

AGE = "UPDATE idempotency_record SET created_at = now() - make_interval(hours => %(hours)s) WHERE key = %(key)s"


class Store:
    """A unit of work with its store, and the steps of these tests."""

    def __init__(self, unit_of_work: UnitOfWork, answers: IdempotencyStore) -> None:
        self.unit_of_work = unit_of_work
        self.answers = answers

    async def keep(self, scope: str, key: str, body: bytes = BODY) -> None:
        async with self.unit_of_work.begin():
            await self.answers.lock(scope, key)
            await self.answers.store(scope, key, body, ANSWER)

    async def find(self, scope: str, key: str, body: bytes = BODY) -> StoredAnswer | None:
        async with self.unit_of_work.begin():
            await self.answers.lock(scope, key)
            return await self.answers.find(scope, key, body)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        unit_of_work = InMemoryUnitOfWork()
        return Store(unit_of_work, InMemoryIdempotencyStore(unit_of_work))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresIdempotencyStore(database))


@pytest.fixture
def key() -> str:
    return uuid4().hex


async def test_an_answer_is_found_as_it_was_stored(store: Store, key: str) -> None:
    """Status, headers and every byte of the body."""
    await store.keep("ada POST /things", key)

    assert await store.find("ada POST /things", key) == ANSWER


async def test_there_is_nothing_under_a_new_key(store: Store, key: str) -> None:
    """Scope and key together name an answer."""
    await store.keep("ada POST /things", key)

    assert await store.find("ada POST /things", key + "x") is None
    assert await store.find("eve POST /things", key) is None
    assert await store.find("ada POST /things/1", key) is None


async def test_a_key_belongs_to_its_first_body(store: Store, key: str) -> None:
    """Another body under it is refused."""
    await store.keep("ada POST /things", key)

    with pytest.raises(IdempotencyKeyReused):
        await store.find("ada POST /things", key, OTHER)


async def test_an_answer_is_kept_with_its_effect_or_not_at_all(store: Store, key: str) -> None:
    """What is rolled back was not answered."""
    with suppress(LookupError):
        async with store.unit_of_work.begin():
            await store.answers.lock("ada POST /things", key)
            await store.answers.store("ada POST /things", key, BODY, ANSWER)
            raise LookupError

    assert await store.find("ada POST /things", key) is None


async def test_a_key_at_work_is_refused(database: Database, key: str) -> None:
    """Until the transaction that holds it has ended, well or not; other keys are free meanwhile."""
    answers = PostgresIdempotencyStore(database)
    held, done = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.begin():
            await answers.lock("scope", key)
            held.set()
            await done.wait()
            raise LookupError

    async def take(scope: str, other: str) -> None:
        async with database.begin():
            await answers.lock(scope, other)

    holder = asyncio.create_task(hold())
    await held.wait()
    with pytest.raises(IdempotencyKeyInFlight) as refusal:
        await take("scope", key)
    await take("scope", key + "x")
    await take("other", key)
    done.set()
    with suppress(LookupError):
        await holder

    await take("scope", key)
    assert refusal.value.headers == {"Retry-After": "1"}


async def test_the_key_of_a_dead_connection_is_free(database: Database, database_url: str, key: str) -> None:
    """A killed process leaves no key behind: its lock dies with its connection."""
    answers = PostgresIdempotencyStore(database)

    async def hold_and_die() -> None:
        async with database.begin():
            await answers.lock("scope", key)
            await database.writing_connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with suppress(OperationalError):
        await hold_and_die()

    async with database.begin():
        await answers.lock("scope", key)


async def test_answers_are_kept_for_a_day(database: Database, key: str) -> None:
    """Then they are neither found nor kept, and the key may serve again; younger ones stay."""
    store = Store(database, PostgresIdempotencyStore(database))
    for age, name in ((25, "old"), (23, "young")):
        await store.keep("scope", f"{key}-{name}")
        async with database.begin():
            await database.writing_connection().execute(AGE, {"key": f"{key}-{name}", "hours": age})

    found = [await store.find("scope", f"{key}-{name}") for name in ("old", "young")]
    removed = await PostgresIdempotencyStore(database).clean_up()
    await store.keep("scope", f"{key}-old", OTHER)

    assert found == [None, ANSWER]
    assert removed == 1
    assert await store.find("scope", f"{key}-old", OTHER) == ANSWER


async def test_an_old_key_serves_again_before_it_is_cleaned_up(database: Database, key: str) -> None:
    """The new answer takes the place of the old one, which nobody has removed yet."""
    store = Store(database, PostgresIdempotencyStore(database))
    await store.keep("scope", key)
    async with database.begin():
        await database.writing_connection().execute(AGE, {"key": key, "hours": 25})

    await store.keep("scope", key, OTHER)

    assert await store.find("scope", key, OTHER) == ANSWER
