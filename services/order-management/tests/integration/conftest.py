"""The application on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
from order_rooms import orders_app, real_rooms
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_order_management.bootstrap import Rooms


@pytest.fixture
def rooms(database: Database) -> Rooms:
    """Every room on PostgreSQL."""
    return real_rooms(database)


@pytest.fixture
async def anonymous(
    rooms: Rooms, database: Database, verifier: FakeVerifier
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application on PostgreSQL that nobody has signed in."""
    app = orders_app(rooms, verifier, database, PostgresIdempotencyStore(database))
    async with client_of(app) as client:
        yield client
