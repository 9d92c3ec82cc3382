"""The routes of contacts, with fakes behind them: what each answers when all is well."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from identity_contacts import (
    ADDRESS,
    CONTACTS,
    add,
    add_primary,
    add_verified,
    code_of,
    email_contact,
    known_user,
    path_of,
)
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_identity.contact.use_cases import ContactRoom

MEMBERS = {
    *("id", "version", "created_at", "updated_at", "user_id", "type", "email", "phone", "address"),
    *("label", "is_primary", "verified_at"),
}


async def test_a_contact_is_created_with_location_and_etag(client: httpx.AsyncClient, user_id: UUID) -> None:
    """POST answers 201 with the whole resource, where it lives, and its version."""
    body = email_contact(label="work")

    answer = await client.post(CONTACTS, json=body)

    created = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{CONTACTS}/{created['id']}"
    assert answer.headers["etag"] == '"1"'
    assert created.keys() == MEMBERS
    assert created["user_id"] == str(user_id)
    assert (created["email"], created["phone"], created["address"]) == (body["email"], None, None)
    assert (created["label"], created["version"], created["is_primary"]) == ("work", 1, False)
    assert created["verified_at"] is None
    assert created["created_at"].endswith("Z")
    assert UUID(created["id"]).version == 7


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        pytest.param({"type": "phone", "phone": "+43 660 1234567"}, "+436601234567", id="phone"),
        pytest.param(
            {"type": "address", "address": ADDRESS}, {**ADDRESS, "street2": None, "region": None}, id="address"
        ),
        pytest.param({"type": "email", "email": "Ada@EXAMPLE.com"}, "Ada@example.com", id="email"),
    ],
)
async def test_every_type_is_shown_in_its_normal_form(
    client: httpx.AsyncClient, body: dict[str, Any], shown: Any
) -> None:
    """A value is normalised once, when it comes in."""
    created = await add(client, body)

    assert created[body["type"]] == shown


async def test_a_contact_is_read_as_it_was_created(client: httpx.AsyncClient) -> None:
    """GET shows what POST answered, with the same ETag."""
    created = await add(client)

    answer = await client.get(path_of(created))

    assert answer.status_code == 200
    assert answer.headers["etag"] == '"1"'
    assert answer.json() == created


async def test_a_label_is_changed_cleared_and_left_alone(client: httpx.AsyncClient) -> None:
    """PATCH changes what it names: absent means unchanged, null means cleared."""
    contact = await add(client, email_contact(label="work"))

    changed = await client.patch(path_of(contact), json={"label": "home"})
    untouched = await client.patch(path_of(contact), json={})
    cleared = await client.patch(path_of(contact), json={"label": None})

    assert (changed.status_code, changed.json()["label"], changed.headers["etag"]) == (200, "home", '"2"')
    assert untouched.json()["label"] == "home"
    assert cleared.json()["label"] is None
    assert cleared.json() == (await client.get(path_of(contact))).json()


async def test_a_new_value_has_to_be_verified_again(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """What was proved of the old address says nothing about the new one."""
    contact = await add_verified(client, contact_room)
    new = email_contact()["email"]

    answer = await client.patch(path_of(contact), json={"email": new})

    assert (answer.status_code, answer.json()["email"], answer.json()["verified_at"]) == (200, new, None)


async def test_a_deleted_contact_is_gone_until_it_is_restored(client: httpx.AsyncClient) -> None:
    """DELETE answers 204, then the contact is 404 and in no list; restore brings it back."""
    contact = await add(client)

    deleted = await client.delete(path_of(contact))
    gone = await client.get(path_of(contact))
    listed = await client.get(CONTACTS)
    restored = await client.post(path_of(contact, "restore"))

    assert (deleted.status_code, deleted.content) == (204, b"")
    problem_of(gone, 404, "not-found")
    assert listed.json()["items"] == []
    assert (restored.status_code, restored.json()["email"]) == (200, contact["email"])
    assert (await client.get(path_of(contact))).json() == restored.json()


async def test_a_code_is_asked_for_and_verifies(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """send-code answers 202 and publishes the wish; the code from the mail verifies the contact."""
    contact = await add(client)

    asked = await client.post(path_of(contact, "send-code"))
    answer = await client.post(path_of(contact, "verify"), json={"code": await code_of(contact_room, contact)})

    assert (asked.status_code, asked.json()) == (202, {"status": "code-sent"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.json()["verified_at"].endswith("Z")
    assert isinstance(contact_room.unit_of_work, InMemoryUnitOfWork)
    assert [type(event).__name__ for event in contact_room.unit_of_work.events] == [
        "ContactCodeRequested",
        "ContactVerified",
    ]


async def test_making_one_primary_demotes_the_other(client: httpx.AsyncClient, contact_room: ContactRoom) -> None:
    """There is one primary contact of a type."""
    before = await add_primary(client, contact_room)
    after = await add_verified(client, contact_room)

    answer = await client.post(path_of(after, "make-primary"), json={})

    assert (answer.status_code, answer.json()["is_primary"]) == (200, True)
    assert (await client.get(path_of(before))).json()["is_primary"] is False


async def test_a_list_is_walked_page_by_page(client: httpx.AsyncClient) -> None:
    """Walking the Link headers shows every contact once, newest first, although rows come and go meanwhile."""
    made = [await add(client) for _ in range(5)]

    first = await client.get(CONTACTS, params={"limit": 2})
    await add(client)
    await client.delete(path_of(made[3]))
    second = await client.get(first.links["next"]["url"])
    third = await client.get(CONTACTS, params={"limit": 2, "cursor": second.json()["next_cursor"]})

    pages = [[item["id"] for item in page.json()["items"]] for page in (first, second, third)]
    ids = [contact["id"] for contact in reversed(made)]
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert third.json()["next_cursor"] is None
    assert "link" not in third.headers


async def test_a_list_is_filtered_by_type(client: httpx.AsyncClient) -> None:
    """`type` narrows the list, and the cursor's link keeps the filter."""
    phones = [await add(client, {"type": "phone", "phone": f"+43660123456{n}"}) for n in range(2)]
    await add(client)

    first = await client.get(CONTACTS, params={"type": "phone", "limit": 1})
    second = await client.get(first.links["next"]["url"])

    assert [first.json()["items"][0]["id"], second.json()["items"][0]["id"]] == [phones[1]["id"], phones[0]["id"]]
    assert second.json()["next_cursor"] is None


async def test_staff_act_for_another_user(
    client: httpx.AsyncClient, verifier: FakeVerifier, contact_room: ContactRoom
) -> None:
    """With contacts:write one adds to another user, with contacts:read one sees everybody's or one user's."""
    staff = verifier.sign_in(uuid4(), "contacts:read", "contacts:write")
    other = known_user(contact_room)
    await add(client)

    created = await client.post(CONTACTS, params={"user_id": other}, json=email_contact(), headers=staff)
    everybody = await client.get(CONTACTS, headers=staff)
    one = await client.get(CONTACTS, params={"user_id": other}, headers=staff)

    assert (created.status_code, created.json()["user_id"]) == (201, other)
    assert len(everybody.json()["items"]) == 2
    assert one.json()["items"] == [created.json()]


async def test_who_may_write_need_not_be_able_to_read(client: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """contacts:write alone is enough to change another user's contact."""
    contact = await add(client)

    answer = await client.patch(
        path_of(contact), json={"label": "x"}, headers=verifier.sign_in(uuid4(), "contacts:write")
    )

    assert (answer.status_code, answer.json()["label"]) == (200, "x")


async def test_a_user_sees_only_his_own(client: httpx.AsyncClient, stranger: dict[str, str]) -> None:
    """Other users' contacts are in nobody's list."""
    await add(client)

    answer = await client.get(CONTACTS, headers=stranger)

    assert answer.json() == {"items": [], "next_cursor": None}
