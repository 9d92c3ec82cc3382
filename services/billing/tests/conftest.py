"""Fixtures of Billing's tests. Everything is made anew for each test: any order will do, and parallel runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from billing_rooms import World, billing_app, fake_rooms, staff_of
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.migrations import folders_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore


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


@pytest.fixture
async def provider(database_url: str) -> AsyncGenerator[SimulatedProvider, None]:
    """The simulated provider over connections of its own."""
    books = Database(DatabaseSettings(url=database_url, min_size=0, max_size=8, check_connections=False))
    await books.open()
    yield SimulatedProvider(books)
    await books.close()


@pytest.fixture
def verifier() -> FakeVerifier:
    """Signs users in without keys."""
    return FakeVerifier()


@pytest.fixture
def user_id() -> UUID:
    """Who `client` is signed in as."""
    return uuid4()


@pytest.fixture
def world() -> World:
    """The service on fakes, and what surrounds it."""
    return World(fake_rooms())


@pytest.fixture
async def anonymous(world: World, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application on fakes that nobody has signed in."""
    async with client_of(billing_app(world.rooms, verifier, InMemoryIdempotencyStore())) as client:
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
    """Headers of somebody who handles all invoices and payments."""
    return staff_of(verifier)
