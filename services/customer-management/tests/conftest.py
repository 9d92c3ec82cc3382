"""Fixtures of Customer Management's tests. Everything is new or emptied: any order will do, and parallel runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from customer_rooms import STAFF, customers_app, fake_room
from litestar import Litestar
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.migrations import folders_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_customer_management.customer.use_cases.room import CustomerRoom


@pytest.fixture(scope="session")
def migration_folders() -> Sequence[Path]:
    """What the test databases are migrated with."""
    return folders_of("promenade_customer_management")


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database, None]:
    """A migrated database of the test's own."""
    database = Database(DatabaseSettings(url=database_url, max_size=12, check_connections=False))
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="session")
def verifier() -> FakeVerifier:
    """Signs users in without keys."""
    return FakeVerifier()


@pytest.fixture(scope="session")
def lasting_room() -> CustomerRoom:
    """The room on fakes that `lasting_app` has; tests take `room`."""
    return fake_room()


@pytest.fixture(scope="session")
def lasting_app(lasting_room: CustomerRoom, verifier: FakeVerifier) -> Litestar:
    """The service on fakes, made once a session."""
    unit_of_work: Any = lasting_room.unit_of_work
    return customers_app(lasting_room, verifier, InMemoryIdempotencyStore(unit_of_work))


@pytest.fixture
def room(lasting_app: Litestar, lasting_room: CustomerRoom) -> CustomerRoom:
    """The room on fakes, empty."""
    unit_of_work: Any = lasting_room.unit_of_work
    unit_of_work.empty()
    return lasting_room


@pytest.fixture
def staff_id() -> UUID:
    """Who `client` is signed in as."""
    return uuid4()


@pytest.fixture
async def anonymous(room: CustomerRoom, lasting_app: Litestar) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the service on fakes that nobody has signed in."""
    async with client_of(lasting_app) as client:
        yield client


@pytest.fixture
def client(anonymous: httpx.AsyncClient, verifier: FakeVerifier, staff_id: UUID) -> httpx.AsyncClient:
    """The same client, signed in as staff; `headers=` makes a single request somebody else's."""
    anonymous.headers.update(verifier.sign_in(staff_id, *STAFF))
    return anonymous


@pytest.fixture
def user_id() -> UUID:
    """An ordinary user."""
    return uuid4()


@pytest.fixture
def user(verifier: FakeVerifier, user_id: UUID) -> dict[str, str]:
    """Headers of that user."""
    return verifier.sign_in(user_id)
