"""Fixtures of Identity's tests. Everything is made anew for each test: any order will do, and parallel runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from identity_contacts import ContactStore, contacts_app, fake_room
from identity_fakes import InMemoryContacts
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.migrations import folders_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore, InMemoryUnitOfWork
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom


@pytest.fixture(scope="session")
def migration_folders() -> Sequence[Path]:
    """What the test databases are migrated with."""
    return folders_of("promenade_identity")


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


@pytest.fixture(params=["memory", "postgres"])
def contact_store(request: pytest.FixtureRequest) -> ContactStore:
    """Contacts in a dict, and contacts in a database: what tests of the port run on."""
    if request.param == "memory":
        unit_of_work = InMemoryUnitOfWork()
        return ContactStore(unit_of_work, InMemoryContacts(unit_of_work))
    database: Database = request.getfixturevalue("database")
    return ContactStore(database, PostgresContacts(database))


@pytest.fixture
def contact_room() -> ContactRoom:
    """The room `contact` on fakes."""
    return fake_room()


@pytest.fixture
async def anonymous(contact_room: ContactRoom, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the room on fakes that nobody has signed in."""
    app = contacts_app(contact_room, verifier, InMemoryIdempotencyStore())
    async with client_of(app) as client:
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
