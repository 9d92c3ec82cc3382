"""A service's database and its ledger, on real engines."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping

pytest.register_assert_rewrite(
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
