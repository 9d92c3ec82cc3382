"""A commit in one process wakes the relay in another. Here no relay looks by itself: what is published, a hint woke."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio
from litestar import Litestar
from promenade_chassis.config import (
    AuthSettings,
    DatabaseSettings,
    EventsSettings,
    HttpSettings,
    RedisSettings,
    Settings,
)
from promenade_chassis.database import Database
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.relay import Relay
from promenade_chassis.events.supervision import cancelled, supervised
from promenade_chassis.events.wake import WakeHints, WakeListener, channel_of
from promenade_chassis.http.health import Readiness
from promenade_chassis.service import Service, run
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.ports import lent_port
from promenade_chassis.testing.relay_rig import STREAM, published

NEVER = 3_600.0


@pytest.fixture
def context() -> str:
    """Channels are shared by all databases of a Redis: each test has its own."""
    return f"identity-{uuid4().hex}"


@pytest_asyncio.fixture
async def other_process(database: Database) -> AsyncGenerator[Database, None]:
    """The same database, as another process has it."""
    opened = Database(DatabaseSettings(url=database.url))
    await opened.open()
    yield opened
    await opened.close()


@asynccontextmanager
async def relaying(database: Database, redis_url: str, context: str) -> AsyncGenerator[Relay, None]:
    """A relay that hears and gives hints, and otherwise sleeps."""
    hints, link = WakeHints(redis_url, context), RedisLink(redis_url)
    relay = Relay(database, context, StreamOutlet(link, STREAM, EventsSettings()), hint=hints.send, poll=NEVER)
    listener = WakeListener(redis_url, context, relay.hear)
    hints.start()
    listener.start()
    task = supervised("relay", relay.run)
    try:
        yield relay
    finally:
        await cancelled(task)
        await listener.stop()
        await hints.stop()
        await link.close()


async def test_a_commit_in_a_process_that_only_serves_wakes_the_relay(
    database: Database, other_process: Database, redis_url: str, link: RedisLink, context: str
):
    """The service itself, in its role `serve`, without any relay of its own."""
    port = lent_port()
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        http=HttpSettings(port=port),
        redis=RedisSettings(url=redis_url),
    )
    serving = Service(
        context=context,
        package="",
        settings=settings,
        app=Litestar([]),
        database=other_process,
        readiness=Readiness(context, "1", {}),
    )
    stopping = asyncio.Event()
    async with relaying(database, redis_url, context):
        await eventually(lambda: _hears(link, context))
        process = asyncio.create_task(run([serving], work=False, stopping=stopping))
        await eventually(lambda: _listens(port))

        for count in range(1, 4):
            await record(other_process, history(1))
            await eventually(lambda expected=count: _published_is(link, [1] * expected))

        stopping.set()
        await process


async def test_a_commit_beside_a_relay_that_stands_by_wakes_the_one_that_leads(
    database: Database, other_process: Database, redis_url: str, link: RedisLink, context: str
):
    """Replicas that do everything: only one of them leads."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(relaying(database, redis_url, context))
        await record(database, history(1))
        await eventually(lambda: _published_is(link, [1]))
        await stack.enter_async_context(relaying(other_process, redis_url, context))
        await eventually(lambda: _hears(link, context, 2))

        await record(other_process, history(1))

        await eventually(lambda: _published_is(link, [1, 1]))


async def test_many_commits_are_one_hint(redis_url: str, link: RedisLink, context: str):
    """As long as it is not sent, one more says nothing new."""
    heard: list[int] = []
    hints, listener = WakeHints(redis_url, context), WakeListener(redis_url, context, lambda: heard.append(1))
    listener.start()
    await eventually(lambda: _hears(link, context))
    hints.start()
    for _ in range(1_000):
        hints.send()
    await eventually(lambda: _count_is(heard, 2))  # the listener's own, and the hint

    hints.send()

    await eventually(lambda: _count_is(heard, 3))
    await hints.stop()
    await listener.stop()


async def test_redis_being_away_hinders_no_commit(database: Database, context: str):
    """A hint is nobody's to wait for."""
    hints = WakeHints("redis://127.0.0.1:1/0", context)
    database.when_events_recorded(hints.send)
    hints.start()

    for _ in range(3):
        await record(database, history(1))

    async with database.reading_connection() as connection:
        row = await (await connection.execute("SELECT count(*) AS count FROM outbox_pending")).fetchone()
    await hints.stop()
    assert row == {"count": 3}


async def test_a_listener_that_lost_its_connection_listens_again(redis_url: str, link: RedisLink, context: str):
    """And takes it that something was said meanwhile."""
    heard: list[int] = []
    listener = WakeListener(f"{redis_url}?client_name={context}", context, lambda: heard.append(1))
    listener.start()
    await eventually(lambda: _hears(link, context))

    await link.call("CLIENT", "KILL", "ID", await _client_named(link, context))
    await eventually(lambda: _count_is(heard, 2))
    await link.call("PUBLISH", channel_of(context), "")

    await eventually(lambda: _count_is(heard, 3))
    await listener.stop()


async def _hears(link: RedisLink, context: str, listeners: int = 1) -> None:
    assert await link.call("PUBSUB", "NUMSUB", channel_of(context)) == [channel_of(context).encode(), listeners]


async def _client_named(link: RedisLink, name: str) -> str:
    clients = (await link.call("CLIENT", "LIST", "TYPE", "pubsub")).decode().splitlines()
    (found,) = [client for client in clients if f"name={name} " in client]
    return found.split()[0].removeprefix("id=")


async def _listens(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def _published_is(link: RedisLink, expected: list[int]) -> None:
    assert await published(link) == expected


def _count_is(heard: list[int], expected: int) -> None:
    assert len(heard) == expected
