"""Contacts under parallel requests, and the events they leave: over HTTP, with the real database behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from identity_contacts import CONTACTS, add, add_primary, add_verified, code_of, contacts_app, email_contact, path_of
from identity_fakes import PlainTemplates, RecordingMails, RecordingTextMessages
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.ports import StaleVersion
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_identity.code.entity import MAX_TRIES, CodeMint
from promenade_identity.code.postgres import PostgresCodeRequests, PostgresCodes
from promenade_identity.contact.entity import CONTACTS_A_USER, Contact
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.role.postgres import PostgresGrants
from promenade_identity.user.owners import Owners
from promenade_identity.user.postgres import PostgresUsers
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import ContactCodeRequested, ContactVerified
from promenade_kernel.values.address import Address


@pytest.fixture
def room(database: Database) -> ContactRoom:
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


@pytest.fixture
async def client(
    room: ContactRoom, database: Database, verifier: FakeVerifier, user_id: UUID
) -> AsyncGenerator[httpx.AsyncClient, None]:
    app = contacts_app(room, verifier, PostgresIdempotencyStore(database))
    async with client_of(app) as client:
        client.headers.update(verifier.sign_in(user_id))
        yield client


async def rows(database: Database, statement: Any, **named: Any) -> list[dict[str, Any]]:
    async with database.reading_connection() as connection:
        return await (await connection.execute(statement, named)).fetchall()


async def primaries(client: httpx.AsyncClient) -> list[str]:
    items = (await client.get(CONTACTS)).json()["items"]
    return [item["id"] for item in items if item["is_primary"]]


@pytest.mark.parametrize("with_primary", [False, True], ids=["none before", "one before"])
async def test_two_that_become_primary_at_once(
    client: httpx.AsyncClient, room: ContactRoom, with_primary: bool
) -> None:
    """Both are answered with success, one after the other, and exactly one is primary."""
    if with_primary:
        await add_primary(client, room)
    contacts = [await add_verified(client, room) for _ in range(2)]

    answers = await asyncio.gather(*(client.post(path_of(contact, "make-primary")) for contact in contacts))

    assert [answer.status_code for answer in answers] == [200, 200]
    found = await primaries(client)
    assert len(found) == 1
    assert found[0] in {contact["id"] for contact in contacts}


async def test_many_that_become_primary_at_once(client: httpx.AsyncClient, room: ContactRoom) -> None:
    """However many there are: one is primary, and who lost too often is told so."""
    contacts = [await add_verified(client, room) for _ in range(8)]

    answers = await asyncio.gather(*(client.post(path_of(contact, "make-primary")) for contact in contacts))

    for answer in answers:
        if answer.status_code != 200:
            problem_of(answer, 409, "concurrent-update")
    assert len(await primaries(client)) == 1


async def test_many_added_at_once_are_no_more_than_there_may_be(
    client: httpx.AsyncClient, room: ContactRoom, database: Database, user_id: UUID
) -> None:
    """Each waits for the one before to have been counted."""
    street = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")
    async with database.begin():
        for _ in range(CONTACTS_A_USER - 2):
            await room.contacts.add(Contact(user_id=user_id, value=street))

    answers = await asyncio.gather(*(client.post(CONTACTS, json=email_contact()) for _ in range(8)))

    assert Counter(answer.status_code for answer in answers) == {201: 2, 409: 6}


async def test_of_two_connections_the_stale_version_loses(database: Database, room: ContactRoom, client: Any) -> None:
    """Two that both read version 1 and then write: one is stored, the other is stale, whoever waited for whom."""
    contact_id = UUID((await add(client))["id"])
    both_have_read = asyncio.Barrier(2)

    async def relabel(label: str) -> None:
        async with database.begin():
            contact = await room.contacts.get(contact_id)
            await both_have_read.wait()
            contact.relabel(label)
            await room.contacts.save(contact)

    results = await asyncio.gather(relabel("first"), relabel("second"), return_exceptions=True)

    assert Counter(type(result) for result in results) == {type(None): 1, StaleVersion: 1}
    stored = await room.contacts.get(contact_id)
    assert stored.version == 2
    assert stored.label == ("first" if results[0] is None else "second")


async def test_parallel_changes_are_all_made(client: httpx.AsyncClient) -> None:
    """Without If-Match a lost race is run again, so two writers at once are both served."""
    contact = await add(client)

    answers = await asyncio.gather(*(client.patch(path_of(contact), json={"label": f"{n}"}) for n in range(2)))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await client.get(path_of(contact))).json()["version"] == 3


async def test_with_if_match_a_lost_race_is_lost(client: httpx.AsyncClient) -> None:
    """With If-Match exactly one of many wins; the others learn that the version is another by now."""
    contact = await add(client)

    answers = await asyncio.gather(
        *(client.patch(path_of(contact), json={"label": f"{n}"}, headers={"If-Match": '"1"'}) for n in range(8))
    )

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] == 1
    assert statuses[409] + statuses[412] == 7
    assert (await client.get(path_of(contact))).json()["version"] == 2


async def test_parallel_wrong_codes_are_counted_one_by_one(
    client: httpx.AsyncClient, room: ContactRoom, database: Database
) -> None:
    """Twenty guesses at once are five tries, and then the right code is wrong."""
    contact = await add(client)
    code = await code_of(room, contact)
    guesses = [f"{(int(code) + n) % 1_000_000:06d}" for n in range(1, 21)]

    answers = await asyncio.gather(*(client.post(path_of(contact, "verify"), json={"code": g}) for g in guesses))
    right = await client.post(path_of(contact, "verify"), json={"code": code})

    for answer in (*answers, right):
        problem_of(answer, 422, "invalid-code")
    counted = await rows(database, "SELECT tries FROM verification_code WHERE subject = %(id)s", id=contact["id"])
    assert counted == [{"tries": MAX_TRIES}]


async def test_a_code_is_redeemed_once_however_often_it_arrives(client: httpx.AsyncClient, room: ContactRoom) -> None:
    """Of ten requests with the right code at once one succeeds."""
    contact = await add(client)
    code = await code_of(room, contact)

    answers = await asyncio.gather(*(client.post(path_of(contact, "verify"), json={"code": code}) for _ in range(10)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 422: 9}


async def test_parallel_posts_with_one_key_have_one_effect(client: httpx.AsyncClient) -> None:
    """While the first is at work the others are told to wait; afterwards they get its answer. One contact is made."""
    body, key = email_contact(), {"Idempotency-Key": str(uuid4())}

    answers = await asyncio.gather(*(client.post(CONTACTS, json=body, headers=key) for _ in range(10)))
    later = await client.post(CONTACTS, json=body, headers=key)

    for answer in answers:
        if answer.status_code != 201:
            problem_of(answer, 409, "idempotency-key-in-flight")
            assert answer.headers["retry-after"] == "1"
    made = [answer for answer in answers if answer.status_code == 201]
    assert sum("idempotent-replayed" not in answer.headers for answer in made) == 1
    assert {answer.content for answer in made} == {later.content}
    assert later.headers["idempotent-replayed"] == "true"
    assert len((await client.get(CONTACTS)).json()["items"]) == 1


async def test_parallel_posts_without_a_key_meet_the_constraint(client: httpx.AsyncClient) -> None:
    """The database decides which of several same contacts is the one."""
    body = email_contact()

    answers = await asyncio.gather(*(client.post(CONTACTS, json=body) for _ in range(5)))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}


async def test_facts_are_in_the_outbox_in_sequence(
    client: httpx.AsyncClient, room: ContactRoom, database: Database, user_id: UUID
) -> None:
    """Each fact is one row, numbered per contact from 1, in an envelope that names request and actor."""
    contact = await add(client)
    await client.post(path_of(contact, "send-code"), headers={"X-Request-Id": "asked"})
    await client.post(path_of(contact, "send-code"), headers={"X-Request-Id": "refused"})
    code = await code_of(room, contact)
    await client.post(path_of(contact, "verify"), json={"code": code}, headers={"X-Request-Id": "verified"})

    written = await rows(database, "SELECT * FROM outbox ORDER BY seq")

    envelopes = [Envelope.decode(row["envelope"]) for row in written]
    assert [(row["type"], row["sequence"], row["major"]) for row in written] == [
        ("contact.code-requested.v1", 1, 1),
        ("contact.verified.v1", 2, 1),
    ]
    assert {row["subject"] for row in written} == {UUID(contact["id"])}
    assert [row["event_id"] for row in written] == [envelope.id for envelope in envelopes]
    assert [envelope.sequence for envelope in envelopes] == [1, 2]
    assert [envelope.correlationid for envelope in envelopes] == ["asked", "verified"]
    assert {envelope.actor for envelope in envelopes} == {str(user_id)}
    same = {"contact_id": UUID(contact["id"]), "user_id": user_id, "type": "email", "value": contact["email"]}
    assert [envelope.open() for envelope in envelopes] == [
        ContactCodeRequested(**same),
        ContactVerified(**same, is_primary=False),
    ]
