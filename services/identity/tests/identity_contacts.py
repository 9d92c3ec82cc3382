"""The room `contact` set up for tests, and the steps its tests share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from identity_fakes import (
    InMemoryCodeRequests,
    InMemoryCodes,
    InMemoryContacts,
    KnownOwners,
    PlainTemplates,
    RecordingMails,
    RecordingTextMessages,
)
from litestar import Litestar
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import PageRequest, UnitOfWork
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_identity.code.entity import CodeMint
from promenade_identity.contact import use_cases
from promenade_identity.contact.entity import Contact, ContactType, ContactValue
from promenade_identity.contact.http import ContactController
from promenade_identity.contact.repository import ContactFilter, Contacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_kernel.values.email import Email

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
CONTACTS = "/api/v1/identity/contacts"
ADDRESS = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}


def fake_room() -> ContactRoom:
    """The room with fakes behind every port."""
    unit_of_work = InMemoryUnitOfWork()
    return ContactRoom(
        unit_of_work=unit_of_work,
        contacts=InMemoryContacts(unit_of_work),
        owners=KnownOwners(),
        codes=InMemoryCodes(unit_of_work),
        code_requests=InMemoryCodeRequests(unit_of_work),
        mint=CodeMint(b"a key for tests"),
        mails=RecordingMails(),
        templates=PlainTemplates(),
        text_messages=RecordingTextMessages(),
    )


def contacts_app(room: ContactRoom, verifier: FakeVerifier, idempotency: IdempotencyStore) -> Litestar:
    """Identity's application with the routes of contacts alone."""
    return create_app(
        context="identity",
        version="1",
        description="Identity",
        routes=[ContactController],
        dependencies={"contact_room": room},
        verifier=verifier,
        unit_of_work=room.unit_of_work,
        idempotency=idempotency,
        readiness=Readiness("identity", "1", {}),
        http=HttpSettings(),
    )


def email_contact(**more: Any) -> dict[str, Any]:
    """A body that adds an address nobody else has."""
    return {"type": "email", "email": f"{uuid4().hex}@example.com", **more}


def path_of(contact: dict[str, Any], command: str = "") -> str:
    """Where a contact lives, or one of its commands."""
    return f"{CONTACTS}/{contact['id']}" + (f"/{command}" if command else "")


def known_user(room: ContactRoom) -> str:
    """Somebody else, who is a user."""
    assert isinstance(room.owners, KnownOwners)
    user_id = uuid4()
    room.owners.known.add(user_id)
    return str(user_id)


async def add(client: httpx.AsyncClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Add a contact, an email address unless `body` says otherwise."""
    answer = await client.post(CONTACTS, json=body or email_contact())
    assert answer.status_code == 201, answer.text
    return answer.json()


async def code_of(room: ContactRoom, contact: dict[str, Any]) -> str:
    """The code of a fresh mail, as the mail's reaction sends it."""
    await use_cases.issue_contact_code(UUID(contact["id"]), contact["email"], room=room)
    assert isinstance(room.mails, RecordingMails)
    found = re.search(r"\b\d{6}\b", room.mails.queued[-1].text)
    assert found
    return found[0]


def other_than(code: str) -> str:
    """A code that is wrong for certain."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def add_verified(client: httpx.AsyncClient, room: ContactRoom) -> dict[str, Any]:
    """Add an address and prove it."""
    contact = await add(client)
    answer = await client.post(path_of(contact, "verify"), json={"code": await code_of(room, contact)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def add_primary(client: httpx.AsyncClient, room: ContactRoom) -> dict[str, Any]:
    """Add an address, prove it and make it the primary one."""
    contact = await add_verified(client, room)
    answer = await client.post(path_of(contact, "make-primary"))
    assert answer.status_code == 200, answer.text
    return answer.json()


class ContactStore:
    """A unit of work with its contacts, and the steps that tests of repositories share."""

    def __init__(self, unit_of_work: UnitOfWork, contacts: Contacts) -> None:
        self.unit_of_work = unit_of_work
        self.contacts = contacts

    async def add(self, user_id: UUID, value: ContactValue | None = None) -> Contact:
        """Store a new contact, an email address unless `value` says otherwise."""
        contact = Contact(user_id=user_id, value=value or fresh_email())
        async with self.unit_of_work.begin():
            await self.contacts.add(contact)
        return contact

    async def save(self, contact: Contact) -> None:
        """Store a change."""
        async with self.unit_of_work.begin():
            await self.contacts.save(contact)

    async def restore(self, contact: Contact) -> None:
        """Store a contact brought back."""
        async with self.unit_of_work.begin():
            await self.contacts.restore(contact)

    async def delete(self, contact: Contact) -> None:
        """Delete a contact and store that."""
        contact.delete(MOMENT, others=False)
        await self.save(contact)

    async def ids(self, user_id: UUID | None, page: PageRequest, kind: ContactType | None = None) -> list[UUID]:
        """The ids of one page."""
        found = await self.contacts.list(ContactFilter(user_id=user_id, type=kind), page)
        return [contact.id for contact in found.items]


def fresh_email() -> Email:
    """An address nobody else has."""
    return Email(f"{uuid4().hex}@example.com")
