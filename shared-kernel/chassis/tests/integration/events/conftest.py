"""A service's database and its ledger, on real engines."""

from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from promenade_chassis.config import DatabaseSettings, EventsSettings
from promenade_chassis.database import Connection, Database
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, BusRig, PostgresBookkeeping
from promenade_chassis.testing.fault_engines import MortalEngines, mortal_engines_at
from promenade_chassis.testing.fault_rig import FaultRig, fault_rig
from promenade_chassis.testing.relay_rig import STREAM, LeadingOutlet, NewOutlet
from psycopg import AsyncConnection
from psycopg.rows import dict_row

pytest.register_assert_rewrite(
    "promenade_chassis.testing.batch_contract",
    "promenade_chassis.testing.bus_contract",
    "promenade_chassis.testing.retry_contract",
)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    """The database of this test alone, open."""
    opened = Database(DatabaseSettings(url=database_url))
    await opened.open()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def books(database: Database) -> PostgresBookkeeping:
    """The real ledger, and a table for effects."""
    made = PostgresBookkeeping(database, PostgresLedger(database, CONTEXT, QUICK))
    await made.prepare()
    return made


@pytest_asyncio.fixture
async def link(redis_url: str) -> AsyncGenerator[RedisLink, None]:
    """A way to look into Redis."""
    made = RedisLink(redis_url)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def outlets(database: Database, link: RedisLink) -> AsyncGenerator[NewOutlet, None]:
    """Makes outlets that have just taken over."""
    connections: list[Connection] = []

    async def make(settings: EventsSettings | None = None) -> LeadingOutlet:
        connection: Connection = await AsyncConnection.connect(database.url, autocommit=True, row_factory=dict_row)
        connections.append(connection)
        outlet = StreamOutlet(link, STREAM, settings or EventsSettings())
        await outlet.take_over(connection)
        return LeadingOutlet(outlet, connection)

    yield make
    for connection in connections:
        await connection.close()


@pytest.fixture(scope="session")
def mortal_engines(tmp_path_factory: pytest.TempPathFactory) -> Generator[MortalEngines, None, None]:
    """PostgreSQL and Valkey to be killed; `mortal_rig` finds both alive, whatever was done to them before."""
    with mortal_engines_at(tmp_path_factory.mktemp("mortal")) as engines:
        yield engines


@pytest_asyncio.fixture
async def mortal_rig(mortal_engines: MortalEngines, tmp_path: Path) -> AsyncGenerator[FaultRig, None]:
    """Two new databases on them and an empty Redis; nothing works yet."""
    await mortal_engines.wake()
    urls = [await mortal_engines.new_database(name) for name in ("identity", "billing")]
    async with fault_rig(urls[0], urls[1], mortal_engines.redis_url, tmp_path) as rig:
        await rig.link.call("FLUSHALL")
        yield rig


@pytest_asyncio.fixture
async def rigs(redis_url: str, books: PostgresBookkeeping) -> AsyncGenerator[Callable[..., BusRig], None]:
    """Makes replicas of one context; they share the database."""
    made: list[RedisBus] = []

    def make(replica: str = "one", **options: Any) -> BusRig:
        bus = RedisBus(redis_url, CONTEXT, books.ledger, QUICK, replica=replica, **options)
        made.append(bus)
        return BusRig(bus, books)

    yield make
    for bus in made:
        await bus.close(1)
