"""What the routes of customers do when all is well."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from customer_rooms import ADDRESS, CUSTOMERS, ME, World, add, fresh_email, path_of, sample
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_kernel.events.identity import UserRegistered

FULL: dict[str, Any] = {
    "name": "Ada Lovelace",
    "email": "Ada@example.com",
    "phone": "+436601234567",
    "tier": "pro",
    "owner_id": str(uuid4()),
    "tags": ["vip", "tea", "vip"],
    "currency": "EUR",
    "timezone": "Europe/Vienna",
    "billing_address": ADDRESS,
}


@pytest.fixture
def world(room: CustomerRoom) -> World:
    unit_of_work: Any = room.unit_of_work
    return World(InMemoryLedger("customer-management", unit_of_work=unit_of_work), room)


async def register(world: World, user_id: UUID) -> None:
    await world.tell(sample(UserRegistered, user_id=user_id, email=fresh_email()), user_id)


async def kinds(client: httpx.AsyncClient, customer: dict[str, Any]) -> list[str]:
    """The kinds on a customer's timeline, oldest first."""
    answer = await client.get(path_of(customer, "timeline"))
    assert answer.status_code == 200, answer.text
    return [item["kind"] for item in reversed(answer.json()["items"])]


async def test_a_customer_is_created(client: httpx.AsyncClient) -> None:
    """201 with Location, ETag and the whole resource, as GET shows it afterwards."""
    answer = await client.post(CUSTOMERS, json=FULL)

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert answer.headers["location"] == path_of(body)
    assert answer.headers["etag"] == '"1"'
    assert body.pop("possible_duplicates") == []
    shown = await client.get(path_of(body))
    assert shown.json() == body
    assert shown.headers["etag"] == '"1"'
    assert body.items() >= {**FULL, "tags": ["tea", "vip"], "billing_address": body["billing_address"]}.items()
    assert body["billing_address"].items() >= ADDRESS.items()
    assert (body["lifecycle"], body["user_id"], body["user_status"], body["source"]) == ("lead", None, "none", "manual")
    assert body["allowed_actions"] == ["qualify", "disqualify", "convert"]
    assert body["created_at"].endswith("Z")
    assert await kinds(client, body) == ["customer.created"]


async def test_likely_duplicates_are_named(client: httpx.AsyncClient) -> None:
    """The same phone or name, however it is spelled, is pointed out and not refused; deleted ones are not likely."""
    phone, name = await add(client, phone="+436601234567"), await add(client, name="Ada LOVELACE")
    gone = await add(client, name="Ada Lovelace")
    await client.delete(path_of(gone))
    await add(client, name="Ada")

    answer = await client.post(CUSTOMERS, json={"name": " ada lovelace", "phone": "+43 660 1234567"})

    assert answer.status_code == 201
    assert answer.json()["possible_duplicates"] == [phone["id"], name["id"]]


async def test_a_change_names_its_fields(client: httpx.AsyncClient) -> None:
    """PATCH changes what it names, clears what is null, and answers what GET shows."""
    customer = await add(client, **{**FULL, "name": "Ada"})

    answer = await client.patch(path_of(customer), json={"name": "Augusta", "phone": None, "tags": ["b", "a", "b"]})

    assert answer.status_code == 200, answer.text
    changed = answer.json()
    differing = {"name": "Augusta", "phone": None, "tags": ["a", "b"], "version": 2}
    assert changed == {**customer, **differing, "updated_at": changed["updated_at"]}
    assert answer.headers["etag"] == '"2"'
    assert (await client.get(path_of(customer))).json() == changed


async def test_a_deleted_customer_comes_back(client: httpx.AsyncClient) -> None:
    """Deleted: 404 everywhere and in no list; restored as it was, and the timeline tells both."""
    customer = await add(client, email=fresh_email())

    deleted = await client.delete(path_of(customer))
    for path in (path_of(customer), path_of(customer, "timeline")):
        problem_of(await client.get(path), 404, "not-found")
    listed = await client.get(CUSTOMERS)
    restored = await client.post(path_of(customer, "restore"))

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert listed.json()["items"] == []
    assert restored.status_code == 200
    assert restored.json() == {**customer, "version": 3, "updated_at": restored.json()["updated_at"]}
    assert await kinds(client, customer) == ["customer.created", "customer.deleted", "customer.restored"]


async def test_restoring_the_living_changes_nothing(client: httpx.AsyncClient) -> None:
    """A second restore is the first."""
    customer = await add(client)

    assert (await client.post(path_of(customer, "restore"))).json() == customer


async def test_tier_owner_and_tags_have_routes_of_their_own(client: httpx.AsyncClient) -> None:
    """Each answers with the whole customer; a tag twice is once, one that is not there is taken off too."""
    customer, owner = await add(client), str(uuid4())

    tier = await client.put(path_of(customer, "tier"), json={"tier": "enterprise"})
    assigned = await client.post(path_of(customer, "assign"), json={"owner_id": owner})
    freed = await client.post(path_of(customer, "assign"), json={"owner_id": None})
    await client.put(path_of(customer, "tags/key%20account"))
    tagged = [await client.put(path_of(customer, "tags/t%C3%A9%C3%A9")) for _ in range(2)]
    untagged = [await client.delete(path_of(customer, "tags/key%20account")) for _ in range(2)]

    assert tier.json()["tier"] == "enterprise"
    assert assigned.json()["owner_id"] == owner
    assert freed.json()["owner_id"] is None
    assert [answer.json()["tags"] for answer in tagged] == [["key account", "téé"]] * 2
    assert [(answer.status_code, answer.json()["tags"]) for answer in untagged] == [(200, ["téé"])] * 2
    assert (await client.get(path_of(customer))).json() == untagged[-1].json()


async def test_the_lifecycle_is_walked_by_hand(client: httpx.AsyncClient) -> None:
    """Every command once: the state, its reason, what is allowed next, and an entry for each."""
    customer = await add(client)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("disqualify", {"reason": "no budget"}, "disqualified"),
        ("recycle", {}, "lead"),
        ("qualify", {}, "prospect"),
        ("convert", {}, "customer"),
        ("churn", {"reason": "moved away"}, "churned"),
        ("reactivate", {}, "customer"),
    ]

    for command, body, state in steps:
        answer = await client.post(path_of(customer, command), json=body)
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert shown["lifecycle"] == state
        assert shown["disqualified_reason"] == ("no budget" if state == "disqualified" else None)
        assert shown["churn_reason"] == ("moved away" if state == "churned" else None)
        assert (await client.get(path_of(customer))).json() == shown

    entries = (await client.get(path_of(customer, "timeline"))).json()["items"]
    changes = [entry for entry in reversed(entries) if entry["kind"] == "lifecycle.changed"]
    assert [entry["data"]["lifecycle"] for entry in changes] == [state for _, _, state in steps]
    assert changes[0]["data"]["because"] == "no budget"


@pytest.mark.parametrize("command", ["qualify", "convert", "restore"])
@pytest.mark.parametrize("body", [None, {}])
async def test_a_commands_body_may_be_absent(client: httpx.AsyncClient, command: str, body: Any) -> None:
    """No body and `{}` are the same."""
    customer = await add(client)

    answer = await client.post(path_of(customer, command), **({} if body is None else {"json": body}))

    assert answer.status_code == 200


async def test_ones_own_customer_appears(
    client: httpx.AsyncClient, world: World, user: dict[str, str], user_id: UUID
) -> None:
    """404 `customer-not-ready` until the event arrived; then /me and all of one's own, without a permission."""
    problem_of(await client.get(ME, headers=user), 404, "customer-not-ready")
    await register(world, user_id)

    mine = await client.get(ME, headers=user)

    assert mine.status_code == 200
    assert mine.json()["user_id"] == str(user_id)
    assert mine.headers["etag"] == '"1"'
    shown = await client.get(path_of(mine.json()), headers=user)
    assert shown.json() == mine.json()
    assert (await client.get(path_of(mine.json(), "timeline"), headers=user)).status_code == 200


async def test_reading_needs_no_more_than_reading(client: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """customers:read sees list, customer and timeline."""
    customer = await add(client)
    reader = verifier.sign_in(uuid4(), "customers:read")

    for path in (CUSTOMERS, path_of(customer), path_of(customer, "timeline")):
        assert (await client.get(path, headers=reader)).status_code == 200
