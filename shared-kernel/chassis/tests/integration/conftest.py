"""A database of the test's own, and a table to write to."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import psycopg
import pytest
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    """The chassis' tables and `note (text)`, behind a pool."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (text text NOT NULL)")
    database = Database(DatabaseSettings(url=database_url, max_size=12))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def notes(database_url: str) -> Any:
    """Reads the committed notes, on a connection of its own."""

    def read() -> list[str]:
        with psycopg.connect(database_url) as connection:
            return [str(row[0]) for row in connection.execute("SELECT text FROM note ORDER BY text").fetchall()]

    return read
