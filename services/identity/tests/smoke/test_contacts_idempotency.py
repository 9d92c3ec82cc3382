"""Idempotency-Key on the POSTs of contacts."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from identity_contacts import CONTACTS, add, code_of, email_contact, other_than, path_of
from promenade_chassis.testing.answers import problem_of
from promenade_identity.contact.use_cases import ContactRoom


@pytest.fixture
def key() -> dict[str, str]:
    """A key nobody has used."""
    return {"Idempotency-Key": str(uuid4())}


async def test_a_repeated_post_is_answered_from_memory(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """Same key and body: one effect, the same status, body, Location and ETag, and a header that says so."""
    body = email_contact()

    first = await client.post(CONTACTS, json=body, headers=key)
    again = await client.post(CONTACTS, json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert len((await client.get(CONTACTS)).json()["items"]) == 1


async def test_a_key_belongs_to_one_body(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """The same key with another body answers 422 and does nothing."""
    await client.post(CONTACTS, json=email_contact(), headers=key)

    answer = await client.post(CONTACTS, json=email_contact(), headers=key)

    problem_of(answer, 422, "idempotency-key-reused")
    assert len((await client.get(CONTACTS)).json()["items"]) == 1


async def test_a_quoted_key_is_the_bare_one(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """The draft's quoted form and the bare one name the same key."""
    body = email_contact()
    await client.post(CONTACTS, json=body, headers=key)

    answer = await client.post(CONTACTS, json=body, headers={"Idempotency-Key": f'"{key["Idempotency-Key"]}"'})

    assert answer.headers["idempotent-replayed"] == "true"


async def test_a_key_belongs_to_one_user_and_one_path(
    client: httpx.AsyncClient, stranger: dict[str, str], key: dict[str, str]
) -> None:
    """Another user's key and another path's key are other keys."""
    body = email_contact()
    mine = await client.post(CONTACTS, json=body, headers=key)

    theirs = await client.post(CONTACTS, json=body, headers={**stranger, **key})
    elsewhere = await client.post(path_of(mine.json(), "send-code"), headers=key)

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]
    assert elsewhere.status_code == 202


async def test_a_refusal_does_not_consume_the_key(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """Only successes are recorded: the corrected request may use the same key."""
    refused = await client.post(CONTACTS, json={"type": "email"}, headers=key)
    taken = await add(client)
    conflict = await client.post(CONTACTS, json={"type": "email", "email": taken["email"]}, headers=key)

    answer = await client.post(CONTACTS, json=email_contact(), headers=key)

    assert (refused.status_code, conflict.status_code, answer.status_code) == (422, 409, 201)


async def test_a_refused_code_is_counted_although_its_key_is_not_kept(
    client: httpx.AsyncClient, contact_room: ContactRoom, key: dict[str, str]
) -> None:
    """The count of wrong tries commits with the refusal, so one key cannot guess for ever."""
    contact = await add(client)
    code = await code_of(contact_room, contact)
    for _ in range(5):
        await client.post(path_of(contact, "verify"), json={"code": other_than(code)}, headers=key)

    answer = await client.post(path_of(contact, "verify"), json={"code": code}, headers=key)

    problem_of(answer, 422, "invalid-code")


@pytest.mark.parametrize("value", ["", '""', "x" * 256, '"' + "x" * 256 + '"', "a\tb", b"\xc3\xa9"])
async def test_a_bad_key_is_refused(client: httpx.AsyncClient, value: str | bytes) -> None:
    """Keys have 1 to 255 printable ASCII characters."""
    answer = await client.post(CONTACTS, json=email_contact(), headers={b"Idempotency-Key": value})  # type: ignore[dict-item]

    problem_of(answer, 400, "bad-idempotency-key")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_only_posts_look_at_the_key(client: httpx.AsyncClient, key: dict[str, str], method: str) -> None:
    """PATCH and DELETE are repeated safely by If-Match; a key on them changes nothing."""
    contact = await add(client)

    answer = await client.request(method, path_of(contact), headers=key, **({"json": {}} if method == "PATCH" else {}))

    assert answer.status_code in (200, 204)
    assert "idempotent-replayed" not in answer.headers
