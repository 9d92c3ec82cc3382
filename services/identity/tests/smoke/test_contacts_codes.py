"""Codes that prove a contact: how often they are sent, and which count."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
from identity_contacts import ADDRESS, add, add_verified, code_of, email_contact, other_than, path_of
from identity_fakes import RecordingMails
from promenade_chassis.testing.answers import problem_of
from promenade_identity.contact.use_cases import ContactRoom, issue_contact_code


async def test_a_verified_contact_gets_no_code(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """There is nothing left to prove."""
    contact = await add_verified(client, contact_room)

    problem_of(await client.post(path_of(contact, "send-code")), 409, "contact-already-verified")


async def test_an_address_gets_no_code(client: httpx.AsyncClient) -> None:
    """Nobody can send a code to a postal address."""
    contact = await add(client, {"type": "address", "address": ADDRESS})

    problem_of(await client.post(path_of(contact, "send-code")), 409, "address-not-verifiable")


async def test_codes_are_sent_once_a_minute(client: httpx.AsyncClient) -> None:
    """The second wish within a minute answers 429 and says when to come again."""
    contact = await add(client)
    await client.post(path_of(contact, "send-code"))

    answer = await client.post(path_of(contact, "send-code"))

    problem_of(answer, 429, "too-many-codes")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_a_contact_added_again_gets_no_sooner_code(client: httpx.AsyncClient) -> None:
    """Deleting and adding an address, spelled in capitals, does not make it a new one: nobody's mailbox is filled."""
    contact = await add(client)
    await client.post(path_of(contact, "send-code"))
    await client.delete(path_of(contact))
    again = await add(client, {"type": "email", "email": contact["email"].upper()})

    problem_of(await client.post(path_of(again, "send-code")), 429, "too-many-codes")


async def test_wrong_used_and_missing_codes_answer_alike(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """422 invalid-code tells neither whether there is a code nor what was wrong with it."""
    contact, without = await add(client), await add(client)
    code = await code_of(contact_room, contact)

    wrong = await client.post(path_of(contact, "verify"), json={"code": other_than(code)})
    missing = await client.post(path_of(without, "verify"), json={"code": code})
    await client.post(path_of(contact, "verify"), json={"code": code})
    used = await client.post(path_of(contact, "verify"), json={"code": code})

    details = {problem_of(answer, 422, "invalid-code")["detail"] for answer in (wrong, missing, used)}
    assert len(details) == 1


async def test_after_five_wrong_tries_the_right_code_is_wrong(
    client: httpx.AsyncClient, contact_room: ContactRoom
) -> None:
    """A code lives for five tries, also when they come with keys that would replay a success."""
    contact = await add(client)
    code = await code_of(contact_room, contact)
    for _ in range(5):
        wrong = {"code": other_than(code)}
        await client.post(path_of(contact, "verify"), json=wrong, headers={"Idempotency-Key": uuid4().hex})

    answer = await client.post(path_of(contact, "verify"), json={"code": code})

    problem_of(answer, 422, "invalid-code")


async def test_a_code_proves_the_address_it_was_sent_to(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """A code sent to one's own address does not verify the address of somebody else put in its place."""
    contact = await add(client)
    code = await code_of(contact_room, contact)
    await client.patch(path_of(contact), json={"email": email_contact()["email"]})

    answer = await client.post(path_of(contact, "verify"), json={"code": code})

    problem_of(answer, 422, "invalid-code")


async def test_a_wish_that_comes_late_sends_nothing_to_another_address(
    client: httpx.AsyncClient, contact_room: ContactRoom
) -> None:
    """The address was changed before its code was made: whoever has the new one did not ask for any."""
    contact = await add(client)
    await client.patch(path_of(contact), json={"email": email_contact()["email"]})
    assert isinstance(contact_room.mails, RecordingMails)
    before = len(contact_room.mails.queued)

    await issue_contact_code(UUID(contact["id"]), contact["email"], room=contact_room)

    assert len(contact_room.mails.queued) == before
