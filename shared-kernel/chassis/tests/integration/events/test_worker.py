"""Two services' workers together: from a commit in one database to an effect in another."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from promenade_chassis.config import (
    AuthSettings,
    BusSettings,
    ConfigurationError,
    DatabaseSettings,
    EventsSettings,
    RedisSettings,
    Settings,
)
from promenade_chassis.database import Database
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import EventWorker, event_worker
from promenade_chassis.testing.bus_rig import PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.tcp_proxy import proxied
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended


def settings_for(redis_url: str, adapter: str = "redis") -> Settings:
    """A service's settings."""
    return Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=redis_url),
        bus=BusSettings(adapter="memory" if adapter == "memory" else "redis"),
        events=EventsSettings(backoff_first_ms=20),
    )


def subscribe(worker: EventWorker, books: PostgresBookkeeping) -> None:
    """Billing's only reaction."""

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    worker.subscribe(UserSuspended, on_user_suspended)


@pytest_asyncio.fixture
async def producer(new_database: NewDatabase, migration_folders: Sequence[Path]) -> AsyncGenerator[Database, None]:
    """Identity's database."""
    opened = Database(DatabaseSettings(url=new_database(migration_folders)))
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.parametrize("adapter", ["memory", "redis"])
async def test_what_one_service_commits_takes_effect_in_another(
    adapter: str, producer: Database, books: PostgresBookkeeping, redis_url: str
):
    """Through outbox, relay, bus and ledger; every row is marked in the end."""
    shared = MemoryBus() if adapter == "memory" else None
    settings, facts = settings_for(redis_url, adapter), in_turns(*(history(5) for _ in range(10)))
    identity = event_worker(producer, "identity", settings, memory_bus=shared)
    billing = event_worker(books.database, "billing", settings, memory_bus=shared)
    subscribe(billing, books)
    await billing.start()
    await identity.start()

    await record(producer, facts)

    await eventually(lambda: _effects_of(books, facts))
    await eventually(lambda: _all_marked(producer))
    await asyncio.gather(identity.stop(5), billing.stop(5))


async def test_the_memory_bus_needs_one_process(producer: Database, redis_url: str):
    """Configured without the shared bus it is refused: nothing falls back to anything."""
    with pytest.raises(ConfigurationError, match="memory"):
        event_worker(producer, "identity", settings_for(redis_url, "memory"))


async def test_flushing_redis_under_load_loses_and_doubles_nothing(
    producer: Database, books: PostgresBookkeeping, redis_url: str, link: RedisLink
):
    """Five times, with facts recorded right before and right after."""
    settings, facts = settings_for(redis_url), in_turns(*(history(20) for _ in range(20)))
    identity, billing = event_worker(producer, "identity", settings), event_worker(books.database, "billing", settings)
    subscribe(billing, books)
    await billing.start()
    await identity.start()

    for number, start in enumerate(range(0, len(facts), 10)):
        await record(producer, facts[start : start + 10])
        if number % 8 == 3:
            await link.call("FLUSHDB")

    await eventually(lambda: _effects_of(books, facts), within=90)
    await asyncio.gather(identity.stop(5), billing.stop(5))


@pytest.mark.parametrize("hanging", ["redis", "postgres"])
async def test_stopping_ends_in_time_while_an_engine_hangs(
    producer: Database, books: PostgresBookkeeping, redis_url: str, hanging: str
):
    """The network drops everything, under load: who stops a service does not wait for it to come back."""
    engine = redis_url if hanging == "redis" else producer.url
    async with proxied(urlsplit(engine).port or 0) as proxy, AsyncExitStack() as databases:
        settings, loop = settings_for(proxy.url(redis_url)), asyncio.get_running_loop()
        workers: list[EventWorker] = []
        for context, url in (("identity", producer.url), ("billing", books.database.url)):
            database = Database(DatabaseSettings(url=proxy.url(url)))
            await database.open()
            databases.push_async_callback(database.close)
            workers.append(event_worker(database, context, settings))
        subscribe(workers[1], books)
        for worker in workers:
            await worker.start()
        facts = in_turns(*(history(20) for _ in range(20)))
        await record(producer, facts[:100])
        await eventually(lambda: _effects_of(books, facts[:100]))
        proxy.cut()
        await record(producer, facts[100:])
        began = loop.time()

        await asyncio.gather(*(worker.stop(1) for worker in workers))

        assert loop.time() - began < stretched(2.5)  # one more answer waited for is two seconds more
        proxy.heal()


async def _effects_of(books: PostgresBookkeeping, facts: Sequence[Envelope]) -> None:
    effects = await books.effects()
    assert len(effects) == len(facts)
    for subject in {fact.subject for fact in facts}:
        expected = [fact.sequence for fact in facts if fact.subject == subject]
        assert [sequence for about, sequence in effects if about == subject] == expected


async def _all_marked(database: Database) -> None:
    async with database.reading_connection() as connection:
        cursor = await connection.execute("SELECT count(*) AS left FROM outbox WHERE published_at IS NULL")
        row = await cursor.fetchone()
    assert row is not None
    assert row["left"] == 0
