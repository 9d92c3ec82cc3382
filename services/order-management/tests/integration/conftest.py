"""The application and its reactions on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest
from order_rooms import Stage, fake_rooms, real_rooms
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.ledger import BookLedger
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_order_management.bootstrap import Rooms

HURRIED = EventsSettings(attempts=3, backoff_first_ms=5, backoff_cap_seconds=1, gap_wait_seconds=1)


@pytest.fixture
def rooms(database: Database) -> Rooms:
    """Every room on PostgreSQL."""
    return real_rooms(database)


@pytest.fixture(params=["memory", "postgres"])
def either_rooms(request: pytest.FixtureRequest) -> Rooms:
    """Every room on fakes, then on PostgreSQL: what both promise."""
    if request.param == "memory":
        return fake_rooms()
    database: Database = request.getfixturevalue("database")
    return real_rooms(database)


@pytest.fixture
def ledger(database: Database) -> BookLedger:
    """The real ledger."""
    return PostgresLedger(database, "order-management", HURRIED)


@pytest.fixture
async def anonymous(
    stage: Stage, rooms: Rooms, database: Database, verifier: FakeVerifier
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application on PostgreSQL that nobody has signed in."""
    async with client_of(stage.furnish(rooms, verifier, PostgresIdempotencyStore(database))) as client:
        yield client
