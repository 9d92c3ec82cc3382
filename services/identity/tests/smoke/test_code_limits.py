"""How often codes are sent, however they are asked for, and how many contacts there can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from identity_contacts import CONTACTS, add, email_contact, path_of
from identity_fakes import InMemoryCodeRequests, InMemoryContacts
from identity_rooms import PASSWORD, Fakes, Visitor
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_identity.code.entity import CODE_EVERY, CODES_AN_HOUR, CODES_AN_HOUR_FROM_ALL
from promenade_identity.contact.entity import CONTACTS_A_USER, Contact
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.recovery.use_cases import send_reset_code
from promenade_kernel.events.identity import (
    ContactCodeRequested,
    UserPasswordResetRequested,
    UserVerificationRequested,
)
from promenade_kernel.values.address import Address

MINUTE = CODE_EVERY
FORGOT, RESEND = "/auth/password/forgot", "/auth/resend-verification"


def requested(room: ContactRoom, value: str) -> int:
    """How many codes were asked for that are sent to an address."""
    assert isinstance(room.unit_of_work, InMemoryUnitOfWork)
    found = [event for event in room.unit_of_work.events if isinstance(event, ContactCodeRequested)]
    return sum(event.value.lower() == value.lower() for event in found)


async def ask(client: httpx.AsyncClient, contact: dict[str, Any], **more: Any) -> httpx.Response:
    return await client.post(path_of(contact, "send-code"), **more)


async def put(client: httpx.AsyncClient, contact: dict[str, Any], address: str) -> None:
    answer = await client.patch(path_of(contact), json={"email": address})
    assert answer.status_code == 200, answer.text


def age(room: ContactRoom, by: timedelta) -> None:
    """Let time pass for all that was asked for."""
    assert isinstance(room.code_requests, InMemoryCodeRequests)
    assert isinstance(room.contacts, InMemoryContacts)
    room.code_requests.age(by)
    for contact in room.contacts._rows.values():
        contact.code_requests = [moment - by for moment in contact.code_requests]


async def test_changing_a_contact_back_and_forth_brings_no_sooner_code(
    client: httpx.AsyncClient, contact_room: ContactRoom
) -> None:
    """Whoever had it in the meantime, and whichever contact has it now: an address is the same address."""
    contact, address = await add(client), f"{uuid4().hex}@example.com"
    await put(client, contact, address)
    assert (await ask(client, contact)).status_code == 202
    await put(client, contact, email_contact()["email"])
    await client.delete(path_of(contact))
    again = await add(client)
    await put(client, again, address.upper())

    answer = await ask(client, again)

    problem_of(answer, 429, "too-many-codes")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert requested(contact_room, address) == 1


async def test_an_address_gets_five_codes_an_hour_under_any_contact(
    client: httpx.AsyncClient, contact_room: ContactRoom
) -> None:
    """Each time another contact of the user's has it, a minute apart: the sixth has to wait for the first to age."""
    address, answers = f"{uuid4().hex}@example.com", list[httpx.Response]()
    for _ in range(CODES_AN_HOUR + 1):
        contact = await add(client, {"type": "email", "email": address})
        answers.append(await ask(client, contact))
        await client.delete(path_of(contact))
        age(contact_room, MINUTE)

    assert [answer.status_code for answer in answers] == [202] * CODES_AN_HOUR + [429]
    assert 3000 < int(answers[-1].headers["retry-after"]) <= 3600
    assert requested(contact_room, address) == CODES_AN_HOUR


async def test_many_users_do_not_fill_one_mailbox(
    client: httpx.AsyncClient, contact_room: ContactRoom, verifier: FakeVerifier
) -> None:
    """Ten codes an hour from all users together; the eleventh asker gets the answer that the first one got."""
    address, answers = f"{uuid4().hex}@example.com", list[httpx.Response]()
    for _ in range(CODES_AN_HOUR_FROM_ALL + 2):
        client.headers.update(verifier.sign_in(uuid4()))
        answers.append(await ask(client, await add(client, {"type": "email", "email": address})))

    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert requested(contact_room, address) == CODES_AN_HOUR_FROM_ALL
    age(contact_room, timedelta(hours=1))
    client.headers.update(verifier.sign_in(uuid4()))
    await ask(client, await add(client, {"type": "email", "email": address}))
    assert requested(contact_room, address) == CODES_AN_HOUR_FROM_ALL + 1


async def test_what_others_asked_for_does_not_show(
    client: httpx.AsyncClient, contact_room: ContactRoom, verifier: FakeVerifier, user_id: UUID
) -> None:
    """Whoever comes after many others is told to wait for his own request alone, sent or not."""
    address = f"{uuid4().hex}@example.com"
    for _ in range(CODES_AN_HOUR_FROM_ALL):
        client.headers.update(verifier.sign_in(uuid4()))
        await ask(client, await add(client, {"type": "email", "email": address}))
    client.headers.update(verifier.sign_in(user_id))
    contact = await add(client, {"type": "email", "email": address})

    first, second = await ask(client, contact), await ask(client, contact)
    age(contact_room, MINUTE)
    third = await ask(client, contact)

    assert (first.status_code, second.status_code, third.status_code) == (202, 429, 202)


async def fill(room: ContactRoom, user_id: UUID, count: int) -> None:
    """Give a user so many contacts."""
    street = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")
    async with room.unit_of_work.begin():
        for _ in range(count):
            await room.contacts.add(Contact(user_id=user_id, value=street))


async def test_a_user_has_so_many_contacts(client: httpx.AsyncClient, contact_room: ContactRoom, user_id: UUID) -> None:
    """The hundredth is taken, the next is 409 until one is deleted; one comes back only where there is room."""
    await fill(contact_room, user_id, CONTACTS_A_USER - 1)
    last = await add(client)

    problem_of(await client.post(CONTACTS, json=email_contact()), 409, "too-many-contacts")
    await client.delete(path_of(last))
    another = await add(client)
    problem_of(await client.post(path_of(last, "restore")), 409, "too-many-contacts")
    await client.delete(path_of(another))
    assert (await client.post(path_of(last, "restore"))).status_code == 200


async def test_the_limit_is_each_users_own(
    client: httpx.AsyncClient, contact_room: ContactRoom, stranger: dict[str, str]
) -> None:
    """What others have takes no room."""
    await fill(contact_room, uuid4(), CONTACTS_A_USER)

    answer = await client.post(CONTACTS, json=email_contact(), headers=stranger)

    assert answer.status_code == 201


def events(fakes: Fakes, kind: type) -> int:
    return sum(isinstance(event, kind) for event in fakes.unit_of_work.events)


@pytest.mark.parametrize(("path", "kind"), [(RESEND, UserVerificationRequested), (FORGOT, UserPasswordResetRequested)])
async def test_mails_on_request_keep_their_distance_in_silence(
    visitor: Visitor, fakes: Fakes, address: str, path: str, kind: type
) -> None:
    """One a minute and five an hour, in any spelling; each answer is the same and keeps the pace."""
    await (visitor.register(address) if path == RESEND else visitor.activate(address))
    paced, answers = fakes.pace.answered, list[httpx.Response]()

    for n in range(CODES_AN_HOUR + 2):
        answers += [await visitor.post(path, {"email": each}) for each in (address, address.upper())]
        assert events(fakes, kind) == min(n + 1, CODES_AN_HOUR)
        fakes.code_requests.age(MINUTE)
    fakes.code_requests.age(timedelta(hours=1))
    answers.append(await visitor.post(path, {"email": address}))

    assert events(fakes, kind) == CODES_AN_HOUR + 1
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, answers[0].content)}
    assert fakes.pace.answered - paced == len(answers)


async def test_a_reset_frees_the_way_for_the_next(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Who has used his code need not wait to forget his password again."""
    await visitor.activate(address)
    user = await visitor.user(address)
    await visitor.post(FORGOT, {"email": address})
    await send_reset_code(user.id, room=fakes.rooms.recovery)
    code = fakes.mails.queued[-1].text.removeprefix("code=")
    body = {"email": address, "code": code, "new_password": "an otter writes the weather report"}
    assert (await visitor.post("/auth/password/reset", body)).status_code == 204

    await visitor.post(FORGOT, {"email": address})

    assert events(fakes, UserPasswordResetRequested) == 2


async def test_each_registration_gets_its_own_mail(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Only it carries the code of that attempt: it waits for nothing, and takes nothing from asking again."""
    for _ in range(3):
        await visitor.post("/auth/register", {"email": address, "password": PASSWORD})
    await visitor.post(RESEND, {"email": address})

    attempts = [e.attempt_id for e in fakes.unit_of_work.events if isinstance(e, UserVerificationRequested)]
    assert len(fakes.unit_of_work.events) == 4
    assert attempts[-1] is None
    assert len(set(attempts)) == 3
