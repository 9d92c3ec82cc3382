"""Idempotency-Key on every POST that keeps keys in Identity, those of contacts, with the real database behind."""

from collections.abc import AsyncGenerator
from uuid import UUID

import httpx
import pytest
from identity_acts import ContactActs
from identity_contacts import contacts_app, fake_room
from identity_fakes import PlainTemplates, RecordingMails, RecordingTextMessages
from identity_rooms import Fakes
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Prepare, write_routes
from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.user.postgres import PostgresUsers


def real_room(database: Database) -> ContactRoom:
    return ContactRoom(
        unit_of_work=database,
        contacts=PostgresContacts(database),
        owners=PostgresUsers(database),
        codes=PostgresCodes(database),
        mint=CodeMint(b"a key for tests"),
        mails=RecordingMails(),
        templates=PlainTemplates(),
        text_messages=RecordingTextMessages(),
    )


@pytest.fixture
def serve(verifier: FakeVerifier) -> Serve:
    """The routes of contacts on any database."""
    return lambda database, answers: contacts_app(real_room(database), verifier, answers)


@pytest.fixture
async def client(
    serve: Serve, database: Database, verifier: FakeVerifier, user_id: UUID
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Signed in as an ordinary user."""
    async with client_of(serve(database, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(user_id))
        yield client


@pytest.fixture
def prepare(client: httpx.AsyncClient, database: Database) -> Prepare:
    """Makes each operation possible."""
    return ContactActs(client, real_room(database))


class TestKeys(KeyContract):
    """On PostgreSQL."""

    routes = write_routes(contacts_app(fake_room(), FakeVerifier(), InMemoryIdempotencyStore()))


def test_no_other_post_keeps_keys() -> None:
    """All that is asked here is all there is."""
    whole = {route.operation_id for route in write_routes(Fakes().app()) if route.should_honour_keys}

    assert whole == {route.operation_id for route in TestKeys.routes if route.should_honour_keys}
