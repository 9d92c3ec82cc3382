"""The lists of contacts, sessions and users: the contract of all lists."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from identity_contacts import MOMENT, ContactStore, fresh_email
from identity_fakes_sessions import InMemorySessions
from identity_fakes_users import InMemoryUsers
from promenade_chassis.database import Database
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_chassis.testing.list_contract import ListContract, ListRig
from promenade_chassis.testing.plans import unsorted_by_index
from promenade_identity.contact import postgres as contacts
from promenade_identity.contact.entity import Contact
from promenade_identity.contact.repository import CONTACTS, ContactFilter
from promenade_identity.session.entity import EndReason, RefreshMint, Session
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.repository import SESSIONS, Sessions
from promenade_identity.user import postgres as users
from promenade_identity.user.entity import User
from promenade_identity.user.postgres import PostgresUsers
from promenade_identity.user.repository import USERS, UserFilter, Users

MINT = RefreshMint(b"a key for tests")


class TestContacts(ListContract):
    """GET /contacts"""

    @pytest.fixture
    def list_rig(self, contact_store: ContactStore) -> ListRig:
        user_id = uuid4()

        async def add_one(number: int) -> UUID:
            created_at = MOMENT + timedelta(microseconds=number // 4)
            contact = Contact(user_id=user_id, value=fresh_email(), created_at=created_at)
            async with contact_store.unit_of_work.begin():
                await contact_store.contacts.add(contact)
            return contact.id

        async def remove(contact_id: UUID) -> None:
            await contact_store.delete(await contact_store.contacts.get(contact_id))

        his = ContactFilter(user_id=user_id)
        return ListRig(CONTACTS, lambda page: contact_store.contacts.list(his, page), add_one, remove)


class TestSessions(ListContract):
    """GET /auth/sessions"""

    @pytest.fixture(params=["memory", "postgres"])
    def list_rig(self, request: pytest.FixtureRequest) -> ListRig:
        user_id, now = uuid4(), utc_now()
        work = InMemoryUnitOfWork() if request.param == "memory" else request.getfixturevalue("database")
        sessions: Sessions = PostgresSessions(work) if isinstance(work, Database) else InMemorySessions(work)

        async def add_one(number: int) -> UUID:
            session, token = Session(user_id=user_id, device=None, ip=None), MINT.first()
            session.created_at = now + timedelta(microseconds=number // 4)
            session.rotated_at = now + timedelta(seconds=number % 3)
            async with work.begin():
                await sessions.add(session, MINT.stored(token, session))
            return session.id

        async def remove(session_id: UUID) -> None:
            async with work.begin():
                session = await sessions.hold(session_id)
                session.end(EndReason.LOGOUT, now)
                await sessions.save(session)

        return ListRig(SESSIONS, lambda page: sessions.list(user_id, page, now), add_one, remove)


class TestUsers(ListContract):
    """GET /users"""

    @pytest.fixture(params=["memory", "postgres"])
    def list_rig(self, request: pytest.FixtureRequest) -> ListRig:
        work = InMemoryUnitOfWork() if request.param == "memory" else request.getfixturevalue("database")
        stored: Users = PostgresUsers(work) if isinstance(work, Database) else InMemoryUsers(work)

        async def add_one(number: int) -> UUID:
            user = User(email=fresh_email(), created_at=MOMENT + timedelta(microseconds=number // 4))
            user.appoint("a hash", ("user",), MOMENT)
            async with work.begin():
                await stored.add(user)
                if number % 3:
                    assert await stored.note_login(user, MOMENT + timedelta(seconds=number % 3))
            return user.id

        async def remove(user_id: UUID) -> None:
            user = await stored.get(user_id)
            user.delete(MOMENT)
            async with work.begin():
                await stored.save(user)

        listed = UserFilter()
        return ListRig(USERS, lambda page: stored.list(listed, page), add_one, remove, frozenset({"email"}))


def test_an_index_has_every_sort_ready(database_url: str) -> None:
    """No page of the lists of everybody's contacts, and of all users, is sorted when it is asked for."""
    values = {"created_at": MOMENT, "last_login_at": MOMENT, "email": "a@example.com"}

    assert unsorted_by_index(database_url, users.LIST, UserFilter(), values) == set()
    assert unsorted_by_index(database_url, contacts.LIST, ContactFilter(), {"created_at": MOMENT}) == set()
