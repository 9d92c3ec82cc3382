"""Fixtures of Billing's tests. Everything is made anew for each test: any order will do, and parallel runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.migrations import folders_of


@pytest.fixture(scope="session")
def migration_folders() -> Sequence[Path]:
    """What the test databases are migrated with."""
    return folders_of("promenade_billing")


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    """A migrated database of the test's own."""
    database = Database(DatabaseSettings(url=database_url, max_size=12, check_connections=False))
    await database.open()
    yield database
    await database.close()
