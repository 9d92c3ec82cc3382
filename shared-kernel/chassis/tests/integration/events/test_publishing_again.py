"""Publishing again what a service recorded: everybody sees it, nothing happens twice."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio
from promenade_chassis.config import AuthSettings, DatabaseSettings, EventsSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.events.outbox_rows import publish_again
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import event_worker
from promenade_chassis.testing.bus_rig import PostgresBookkeeping, history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.relay_rig import published
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def producer(
    new_database: NewDatabase, migration_folders: Sequence[Path], books: PostgresBookkeeping, redis_url: str
) -> AsyncGenerator[Database, None]:
    """Identity's database; its worker runs, and so does Billing's, with one reaction."""
    opened = Database(DatabaseSettings(url=new_database(migration_folders)))
    await opened.open()
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=redis_url),
        events=EventsSettings(backoff_first_ms=20),
    )

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    identity, billing = event_worker(opened, "identity", settings), event_worker(books.database, "billing", settings)
    billing.subscribe(UserSuspended, on_user_suspended)
    await billing.start()
    await identity.start()
    yield opened
    await asyncio.gather(identity.stop(5), billing.stop(5))
    await opened.close()


async def test_publishing_again_reaches_the_stream_and_changes_no_effect(
    producer: Database, books: PostgresBookkeeping, link: RedisLink
):
    """Consumers see everything a second time; what was done stays done, once and in order."""
    facts = history(20)
    await record(producer, facts)
    await eventually(lambda: _effects(books, 20), within=20)
    await eventually(lambda: _all_marked(producer))  # the mark may come after the effect

    async with producer.reading_connection() as connection:
        now = datetime.now(UTC) + timedelta(seconds=1)
        assert await publish_again(connection, since=now, until=now + timedelta(days=1)) == 0
        assert await publish_again(connection, since=LONG_AGO, until=now, type_like="order.%") == 0
        assert await publish_again(connection, since=LONG_AGO, until=now) == 20
    await eventually(lambda: _on_stream(link, 40), within=20)
    await record(producer, history(1))

    await eventually(lambda: _effects(books, 21))
    effects = await books.effects()
    assert [sequence for subject, sequence in effects if subject == facts[0].subject] == list(range(1, 21))


async def _effects(books: PostgresBookkeeping, number: int) -> None:
    assert len(await books.effects()) == number


async def _all_marked(producer: Database) -> None:
    async with producer.reading_connection() as connection:
        cursor = await connection.execute("SELECT count(*) AS left FROM outbox WHERE published_at IS NULL")
        assert await cursor.fetchone() == {"left": 0}


async def _on_stream(link: RedisLink, number: int) -> None:
    assert len(await published(link)) == number
