"""Fixtures of Order Management's tests. Everything is made anew for each test: any order will do, and parallel runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from order_rooms import STAFF, Stage, fake_rooms
from order_world import World, listening
from promenade_chassis.config import DatabaseSettings, EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.ledger import BookLedger
from promenade_chassis.migrations import folders_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore, InMemoryUnitOfWork
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_order_management.bootstrap import Rooms

HURRIED = EventsSettings(attempts=2, backoff_first_ms=5, backoff_cap_seconds=1, gap_wait_seconds=1)


@pytest.fixture(scope="session")
def migration_folders() -> Sequence[Path]:
    """What the test databases are migrated with."""
    return folders_of("promenade_order_management")


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    """A migrated database of the test's own."""
    database = Database(DatabaseSettings(url=database_url, max_size=12, check_connections=False))
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def verifier() -> FakeVerifier:
    """Signs users in without keys."""
    return FakeVerifier()


@pytest.fixture
def user_id() -> UUID:
    """Who `client` is signed in as."""
    return uuid4()


@pytest.fixture
def rooms() -> Rooms:
    """Every room on fakes."""
    return fake_rooms()


@pytest.fixture
def ledger(rooms: Rooms) -> BookLedger:
    """What keeps reactions to happen once."""
    return InMemoryLedger("order-management", HURRIED, unit_of_work=rooms.order.unit_of_work)


@pytest.fixture
async def world(rooms: Rooms, ledger: BookLedger) -> AsyncGenerator[World, None]:
    """The other contexts."""
    async with listening(rooms, ledger) as world:
        yield world


@pytest.fixture(scope="session")
def stage() -> Stage:
    """The application, to be furnished by each test."""
    return Stage()


@pytest.fixture
async def anonymous(stage: Stage, rooms: Rooms, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application on fakes that nobody has signed in."""
    work = rooms.order.unit_of_work
    assert isinstance(work, InMemoryUnitOfWork)
    async with client_of(stage.furnish(rooms, verifier, InMemoryIdempotencyStore(work))) as client:
        yield client


@pytest.fixture
def client(anonymous: httpx.AsyncClient, verifier: FakeVerifier, user_id: UUID) -> httpx.AsyncClient:
    """The same client, signed in as an ordinary user; `headers=` makes a single request somebody else's."""
    anonymous.headers.update(verifier.sign_in(user_id))
    return anonymous


@pytest.fixture
def stranger(verifier: FakeVerifier) -> dict[str, str]:
    """Headers of another ordinary user."""
    return verifier.sign_in(uuid4())


@pytest.fixture
def staff(verifier: FakeVerifier) -> dict[str, str]:
    """Headers of somebody who handles all orders."""
    return verifier.sign_in(uuid4(), *STAFF)
