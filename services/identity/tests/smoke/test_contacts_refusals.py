"""What the routes of contacts refuse because of who asks, or of the state of things."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from identity_contacts import (
    ADDRESS,
    CONTACTS,
    add,
    add_primary,
    email_contact,
    path_of,
)
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_identity.contact.use_cases import ContactRoom

# Every route of one contact: method, what follows the id, a body that would do.
ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"label": "mine now"}),
    ("DELETE", "", None),
    ("POST", "restore", None),
    ("POST", "send-code", None),
    ("POST", "verify", {"code": "123456"}),
    ("POST", "make-primary", None),
]
WRITES = [route for route in ROUTES if route[0] != "GET"]
each_route = pytest.mark.parametrize(("method", "command", "body"), ROUTES)
each_write = pytest.mark.parametrize(("method", "command", "body"), WRITES)


async def call(client: httpx.AsyncClient, method: str, path: str, body: Any, **more: Any) -> httpx.Response:
    return await client.request(method, path, **({"json": body} if body is not None else {}), **more)


@each_route
async def test_nobody_comes_without_a_token(
    anonymous: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """Without a token every route answers 401 and says how to sign in."""
    answer = await call(anonymous, method, path_of({"id": uuid4()}, command), body)

    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_collection_needs_a_token(anonymous: httpx.AsyncClient, method: str) -> None:
    """Neither listing nor adding is public."""
    answer = await call(anonymous, method, CONTACTS, email_contact() if method == "POST" else None)

    problem_of(answer, 401, "unauthenticated")


@pytest.mark.parametrize("header", ["Bearer forged", "Bearer", "Basic dXNlcjpwYXNz", "forged", ""])
async def test_a_bad_token_is_refused(anonymous: httpx.AsyncClient, header: str) -> None:
    """A header that is not a bearer token we issued answers 401 and says that the token is at fault."""
    answer = await anonymous.get(CONTACTS, headers={"Authorization": header})

    problem_of(answer, 401, "invalid-token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@each_route
async def test_somebody_elses_contact_is_not_there(
    client: httpx.AsyncClient, stranger: dict[str, str], method: str, command: str, body: dict[str, Any] | None
) -> None:
    """Another user gets 404 on every route, word for word what an unknown id answers, and changes nothing."""
    contact = await add(client)
    if command == "restore":
        await client.delete(path_of(contact))

    theirs = await call(client, method, path_of(contact, command), body, headers=stranger)
    unknown = await call(client, method, path_of({"id": uuid4()}, command), body, headers=stranger)

    ours, none = problem_of(theirs, 404, "not-found"), problem_of(unknown, 404, "not-found")
    differing = {"instance", "request_id"}
    assert {k: v for k, v in ours.items() if k not in differing} == {
        k: v for k, v in none.items() if k not in differing
    }
    assert command == "restore" or (await client.get(path_of(contact))).json() == contact


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_naming_another_user_needs_a_permission(client: httpx.AsyncClient, method: str) -> None:
    """`?user_id=` of somebody else is 403 for an ordinary user."""
    body = email_contact() if method == "POST" else None

    answer = await call(client, method, CONTACTS, body, params={"user_id": str(uuid4())})

    problem_of(answer, 403, "forbidden")


async def test_nobody_has_no_contacts(client: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """A contact for a user who is not there is 404 for staff, and nothing is stored."""
    staff = verifier.sign_in(uuid4(), "contacts:read", "contacts:write")
    nobody = {"user_id": str(uuid4())}

    answer = await call(client, "POST", CONTACTS, email_contact(), params=nobody, headers=staff)

    problem_of(answer, 404, "not-found")
    assert (await client.get(CONTACTS, headers=staff)).json()["items"] == []


async def test_reading_staff_cannot_write(client: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """contacts:read lets staff see a contact, not change it."""
    contact = await add(client)
    staff = verifier.sign_in(uuid4(), "contacts:read")

    seen = await client.get(path_of(contact), headers=staff)
    changed = await client.patch(path_of(contact), json={"label": "x"}, headers=staff)

    assert seen.status_code == 200
    problem_of(changed, 404, "not-found")


@each_write
async def test_a_stale_if_match_changes_nothing(
    client: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """If-Match is honoured on every write: with another version it answers 412."""
    contact = await add(client)
    if command == "restore":
        await client.delete(path_of(contact))

    answer = await call(client, method, path_of(contact, command), body, headers={"If-Match": '"7"'})

    problem_of(answer, 412, "precondition-failed")


@pytest.mark.parametrize("tag", ['"1"', "*"])
async def test_the_present_version_matches(client: httpx.AsyncClient, tag: str) -> None:
    """If-Match with the ETag that was read, or any, lets the write through."""
    contact = await add(client)

    answer = await client.patch(path_of(contact), json={"label": "x"}, headers={"If-Match": tag})

    assert answer.status_code == 200


@pytest.mark.parametrize("tag", ["1", '"one"', '""', '"-1"', '"' + "9" * 5000 + '"'])
async def test_an_etag_that_is_none_of_ours_is_refused(client: httpx.AsyncClient, tag: str) -> None:
    """If-Match must hold an ETag as an answer gave it."""
    contact = await add(client)

    answer = await client.patch(path_of(contact), json={"label": "x"}, headers={"If-Match": tag})

    problem_of(answer, 400, "bad-if-match")


async def test_a_weak_etag_never_matches(client: httpx.AsyncClient) -> None:
    """If-Match compares strongly (RFC 9110): even the present version, marked weak, is 412."""
    contact = await add(client)

    answer = await client.patch(path_of(contact), json={"label": "x"}, headers={"If-Match": 'W/"1"'})

    problem_of(answer, 412, "precondition-failed")


async def test_the_same_contact_is_added_once(client: httpx.AsyncClient, stranger: dict[str, str]) -> None:
    """A user has an address once, however it is spelled; another user may have it too."""
    contact = await add(client)
    body = {"type": "email", "email": contact["email"].upper()}

    answer = await client.post(CONTACTS, json=body)
    others = await client.post(CONTACTS, json=body, headers=stranger)

    problem_of(answer, 409, "contact-exists")
    assert others.status_code == 201


async def test_a_value_cannot_be_changed_to_one_that_is_there(client: httpx.AsyncClient) -> None:
    """PATCH to the address of another contact of the same user answers 409."""
    one, two = await add(client), await add(client)

    answer = await client.patch(path_of(one), json={"email": two["email"]})

    problem_of(answer, 409, "contact-exists")


async def test_a_restored_address_must_be_free(client: httpx.AsyncClient) -> None:
    """Restoring an address that lives again elsewhere answers 409."""
    contact = await add(client)
    await client.delete(path_of(contact))
    await add(client, {"type": "email", "email": contact["email"]})

    answer = await client.post(path_of(contact, "restore"))

    problem_of(answer, 409, "email-taken")


async def test_only_a_verified_contact_becomes_primary(client: httpx.AsyncClient) -> None:
    """An unverified address cannot be primary; a postal one needs no proof."""
    email, address = await add(client), await add(client, {"type": "address", "address": ADDRESS})

    refused = await client.post(path_of(email, "make-primary"))
    accepted = await client.post(path_of(address, "make-primary"))

    problem_of(refused, 409, "contact-not-verified")
    assert accepted.json()["is_primary"] is True


async def test_the_primary_contact_stays_while_there_are_others(
    client: httpx.AsyncClient, contact_room: ContactRoom
) -> None:
    """The primary contact is deleted last, and keeps its value."""
    primary, other = await add_primary(client, contact_room), await add(client)

    refused = await client.delete(path_of(primary))
    changed = await client.patch(path_of(primary), json={"email": email_contact()["email"]})
    await client.delete(path_of(other))
    alone = await client.delete(path_of(primary))

    problem_of(refused, 409, "primary-contact")
    problem_of(changed, 409, "primary-contact")
    assert alone.status_code == 204
