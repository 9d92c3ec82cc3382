"""Idempotency-Key on every POST that keeps keys in Identity, of contacts and users, with the real database behind."""

from collections.abc import AsyncGenerator
from uuid import UUID

import httpx
import pytest
from identity_acts import ContactActs
from identity_contacts import contacts_app, fake_room
from identity_fakes import PlainTemplates, RecordingMails, RecordingTextMessages
from identity_rooms import Fakes
from identity_users import UserActs, users_app
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Prepare, write_routes
from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.audit.logs import LoggedTrail
from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.role.system import SystemRoles
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.user.postgres import PostgresAttempts, PostgresUsers


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


class Unheard:
    """Nobody listens to what is announced."""

    async def announce(self) -> None:
        pass


def real_administration(database: Database) -> AdministrationRoom:
    return AdministrationRoom(
        unit_of_work=database,
        users=PostgresUsers(database),
        attempts=PostgresAttempts(database),
        contacts=PostgresContacts(database),
        profiles=PostgresProfiles(database),
        sessions=PostgresSessions(database),
        grants=SystemRoles(),
        revocations=PostgresRevocations(database),
        announcements=Unheard(),
        trail=LoggedTrail(),
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
    """Of contacts, on PostgreSQL."""

    routes = write_routes(contacts_app(fake_room(), FakeVerifier(), InMemoryIdempotencyStore()))


class TestKeysOfUsers(KeyContract):
    """Of users, on PostgreSQL: given by somebody who may do everything."""

    routes = write_routes(users_app(Fakes().rooms.administration, FakeVerifier(), InMemoryIdempotencyStore()))

    @pytest.fixture
    def serve(self, verifier: FakeVerifier) -> Serve:
        return lambda database, answers: users_app(real_administration(database), verifier, answers)

    @pytest.fixture
    async def client(
        self, serve: Serve, database: Database, verifier: FakeVerifier, user_id: UUID
    ) -> AsyncGenerator[httpx.AsyncClient, None]:
        async with client_of(serve(database, PostgresIdempotencyStore(database))) as client:
            client.headers.update(verifier.sign_in(user_id, "*:*"))
            yield client

    @pytest.fixture
    def prepare(self, client: httpx.AsyncClient, database: Database) -> Prepare:
        return UserActs(client, real_administration(database))


def test_no_other_post_keeps_keys() -> None:
    """All that is asked here is all there is."""
    whole = {route.operation_id for route in write_routes(Fakes().app()) if route.should_honour_keys}
    asked = {route.operation_id for suite in (TestKeys, TestKeysOfUsers) for route in suite.routes}

    assert whole <= asked
