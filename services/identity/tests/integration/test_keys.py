"""Idempotency-Key on every POST that keeps keys in Identity, with the real database behind."""

from collections.abc import AsyncGenerator
from uuid import UUID

import httpx
import pytest
from identity_acts import ROLE_STAFF, ContactActs, RoleActs
from identity_fakes import PlainTemplates, RecordingMails, RecordingTextMessages
from identity_fakes_sessions import CountedAnnouncements, InMemoryRevocations
from identity_rooms import Fakes
from identity_users import UserActs, users_app
from litestar import Litestar
from promenade_chassis.config import HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore, InMemoryUnitOfWork
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Act, Prepare, write_routes
from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.audit.postgres import PostgresTrail
from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodeRequests, PostgresCodes
from promenade_identity.contact.http import ContactController
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.role.http import RoleController
from promenade_identity.role.postgres import PostgresGrants, PostgresRoles
from promenade_identity.role.use_cases import RoleRoom
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.user.owners import Owners
from promenade_identity.user.postgres import PostgresAttempts, PostgresHolders, PostgresUsers


def real_room(database: Database) -> ContactRoom:
    return ContactRoom(
        unit_of_work=database,
        contacts=PostgresContacts(database),
        owners=Owners(PostgresUsers(database), PostgresGrants(database)),
        codes=PostgresCodes(database),
        code_requests=PostgresCodeRequests(database),
        mint=CodeMint(b"a key for tests"),
        mails=RecordingMails(),
        templates=PlainTemplates(),
        text_messages=RecordingTextMessages(),
    )


def real_roles(database: Database) -> RoleRoom:
    revocations = InMemoryRevocations(InMemoryUnitOfWork())
    return RoleRoom(
        unit_of_work=database,
        roles=PostgresRoles(database),
        holders=PostgresHolders(database),
        revocations=revocations,
        announcements=CountedAnnouncements(revocations),
        trail=PostgresTrail(database),
    )


def app_of(contacts: ContactRoom, roles: RoleRoom, verifier: FakeVerifier, answers: IdempotencyStore) -> Litestar:
    """The routes of contacts and roles."""
    return create_app(
        context="identity",
        version="1",
        description="Identity",
        routes=[ContactController, RoleController],
        dependencies={"contact_room": contacts, "role_room": roles},
        verifier=verifier,
        unit_of_work=contacts.unit_of_work,
        idempotency=answers,
        readiness=Readiness("identity", "1", {}),
        http=HttpSettings(),
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
        grants=PostgresGrants(database),
        revocations=PostgresRevocations(database),
        announcements=Unheard(),
        trail=PostgresTrail(database),
    )


@pytest.fixture
def serve(verifier: FakeVerifier) -> Serve:
    """The routes on any database."""
    return lambda database, answers: app_of(real_room(database), real_roles(database), verifier, answers)


@pytest.fixture
async def client(
    serve: Serve, database: Database, verifier: FakeVerifier, user_id: UUID
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Signed in as an ordinary user, but for roles."""
    async with client_of(serve(database, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(user_id, *ROLE_STAFF))
        yield client


@pytest.fixture
def prepare(client: httpx.AsyncClient, database: Database) -> Prepare:
    """Makes each operation possible."""
    contacts = ContactActs(client, real_room(database))
    roles = RoleActs(client, {"Authorization": client.headers["authorization"]})

    async def prepare(operation: str) -> Act:
        return await (roles if operation.endswith("_role") else contacts)(operation)

    return prepare


class TestKeys(KeyContract):
    """Of contacts and roles, on PostgreSQL."""

    routes = write_routes(app_of(Fakes().rooms.contact, Fakes().rooms.role, FakeVerifier(), InMemoryIdempotencyStore()))


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
