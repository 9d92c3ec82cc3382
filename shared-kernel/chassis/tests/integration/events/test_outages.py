"""Engines that go away and come back: the service recovers without a hand, and nothing is lost or doubled."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

import psycopg
import pytest
import pytest_asyncio
from promenade_chassis.config import AuthSettings, DatabaseSettings, EventsSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.embedded.pair import EnginePair
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.worker import event_worker
from promenade_chassis.migrations import folders_of, migrate
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended


@dataclass
class Town:
    """Engines that may be killed, identity's database, billing's books, and both workers."""

    engines: EnginePair
    producer: Database
    books: PostgresBookkeeping
    settings: Settings

    async def start(self) -> None:
        """Start both workers, whatever is away."""
        self.identity = event_worker(self.producer, "identity", self.settings)
        self.billing = event_worker(self.books.database, CONTEXT, self.settings)
        self.billing.subscribe(UserSuspended, self.on_user_suspended)
        await self.billing.start()
        await self.identity.start()

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        """One row an event."""
        await self.books.write(envelope)

    async def stop(self) -> None:
        """Stop both workers."""
        await asyncio.gather(self.identity.stop(3), self.billing.stop(3))


@pytest_asyncio.fixture
async def town(private_engines: EnginePair) -> AsyncGenerator[Town, None]:
    """Everything but started workers."""
    databases: list[Database] = []
    with psycopg.connect(private_engines.postgres.admin_url, autocommit=True) as connection:
        for name in ("identity", "billing"):
            connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
            url = f"{private_engines.postgres.admin_url.rpartition('/')[0]}/{name}"
            await asyncio.to_thread(migrate, url, folders_of("promenade_chassis")[:1])
            databases.append(Database(DatabaseSettings(url=url, acquire_timeout_seconds=1)))
            await databases[-1].open()
    books = PostgresBookkeeping(databases[1], PostgresLedger(databases[1], CONTEXT, QUICK))
    await books.prepare()
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=private_engines.valkey.url),
        events=EventsSettings(backoff_first_ms=20),
    )
    yield Town(private_engines, databases[0], books, settings)
    for database in databases:
        await database.close()


def keep(engines: EnginePair) -> None:
    """Redis comes back with what it had on disk: the last second may be missing."""


def lose(engines: EnginePair) -> None:
    """Redis comes back with nothing."""
    data = engines.valkey._data()  # pyright: ignore[reportPrivateUsage]
    for path in data.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("data", [keep, lose])
async def test_redis_killed_under_load_comes_back(town: Town, data: Callable[[EnginePair], None]):
    """Facts committed while it is away are published when it is there again."""
    facts = in_turns(*(history(15) for _ in range(20)))
    await town.start()
    await record(town.producer, facts[:100])
    await eventually(lambda: _some_effects(town))

    town.engines.kill("valkey")
    data(town.engines)
    await record(town.producer, facts[100:200])
    await asyncio.to_thread(town.engines.begin, "valkey")
    await record(town.producer, facts[200:])

    await eventually(lambda: _each_once_and_in_order(town, facts), within=30)
    await town.stop()


async def test_postgres_killed_under_load_comes_back(town: Town):
    """Both services lose every connection; no attempt is counted, no event given up."""
    facts = in_turns(*(history(15) for _ in range(20)))
    await town.start()
    await record(town.producer, facts[:200])
    await eventually(lambda: _some_effects(town))

    await asyncio.to_thread(town.engines.restart, "postgres", kill=True)
    await eventually(lambda: record(town.producer, facts[200:]), within=20)

    await eventually(lambda: _each_once_and_in_order(town, facts), within=30)
    assert await town.books.dead_letters() == []
    await town.stop()


async def test_a_worker_starts_while_redis_is_away(town: Town):
    """It waits, and works when Redis has come."""
    facts = history(5)
    town.engines.kill("valkey")
    await town.start()
    await record(town.producer, facts)

    await asyncio.to_thread(town.engines.begin, "valkey")

    await eventually(lambda: _each_once_and_in_order(town, facts), within=20)
    await town.stop()


async def test_a_worker_stops_while_everything_is_away(town: Town):
    """Within its deadline."""
    await town.start()
    await record(town.producer, history(5))
    await eventually(lambda: _some_effects(town))
    town.engines.kill("valkey")
    town.engines.kill("postgres")

    async with asyncio.timeout(15):
        await town.stop()


async def _some_effects(town: Town) -> None:
    assert await town.books.effects()


async def _each_once_and_in_order(town: Town, facts: Sequence[Envelope]) -> None:
    effects = await town.books.effects()
    assert len(effects) == len(facts)
    for subject in {fact.subject for fact in facts}:
        expected = [fact.sequence for fact in facts if fact.subject == subject]
        assert [sequence for about, sequence in effects if about == subject] == expected
