"""The routes of contacts, with fakes behind them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from identity_fakes import (
    InMemoryCodes,
    InMemoryContacts,
    PlainTemplates,
    RecordingMails,
    RecordingTextMessages,
)
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore, InMemoryUnitOfWork
from promenade_identity.code.entity import CodeMint
from promenade_identity.contact import use_cases
from promenade_identity.contact.http import ContactController
from promenade_identity.contact.use_cases import ContactRoom

CONTACTS = "/api/v1/identity/contacts"
ADDRESS = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}


@pytest.fixture
def room() -> ContactRoom:
    unit_of_work = InMemoryUnitOfWork()
    return ContactRoom(
        unit_of_work=unit_of_work,
        contacts=InMemoryContacts(unit_of_work),
        codes=InMemoryCodes(unit_of_work),
        mint=CodeMint(b"a key for tests"),
        mails=RecordingMails(),
        templates=PlainTemplates(),
        text_messages=RecordingTextMessages(),
    )


@pytest.fixture
def verifier() -> FakeVerifier:
    return FakeVerifier()


@pytest.fixture
async def client(room: ContactRoom, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    app = create_app(
        context="identity",
        version="1",
        description="Identity",
        routes=[ContactController],
        dependencies={"contact_room": room},
        verifier=verifier,
        unit_of_work=room.unit_of_work,
        idempotency=InMemoryIdempotencyStore(),
        readiness=Readiness("identity", "1", {}),
        http=HttpSettings(),
    )
    async with client_of(app) as client:
        client.headers.update(verifier.sign_in(uuid4()))
        yield client


def email_contact() -> dict[str, Any]:
    return {"type": "email", "email": f"{uuid4().hex}@example.com"}


async def add(client: httpx.AsyncClient, body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await client.post(CONTACTS, json=body or email_contact())
    assert answer.status_code == 201, answer.text
    return answer.json()


async def code_of(room: ContactRoom, contact: dict[str, Any]) -> str:
    """The code the mail's reaction would have sent."""
    await use_cases.issue_contact_code(contact["id"], room=room)
    assert isinstance(room.mails, RecordingMails)
    found = re.search(r"\d{6}", room.mails.queued[-1].text)
    assert found
    return found[0]


async def verified(client: httpx.AsyncClient, room: ContactRoom) -> dict[str, Any]:
    contact = await add(client)
    await client.post(f"{CONTACTS}/{contact['id']}/send-code")
    from_uuid = contact | {"id": __import__("uuid").UUID(contact["id"])}
    answer = await client.post(f"{CONTACTS}/{contact['id']}/verify", json={"code": await code_of(room, from_uuid)})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_contact_is_created_with_location_and_etag(client: httpx.AsyncClient) -> None:
    """POST answers 201 with the whole resource, where it lives, and its version."""
    body = email_contact() | {"label": "work"}

    answer = await client.post(CONTACTS, json=body)

    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{CONTACTS}/{created['id']}"
    assert answer.headers["etag"] == '"1"'
    assert created["email"] == body["email"]
    assert (await client.get(answer.headers["location"])).json() == created
