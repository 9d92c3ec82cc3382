"""What lists and timelines show."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from customer_rooms import CUSTOMERS, World, add, path_of, sample
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_kernel.events.order_management import OrderConfirmed


@pytest.fixture
def world(room: CustomerRoom) -> World:
    unit_of_work: Any = room.unit_of_work
    return World(InMemoryLedger("customer-management", unit_of_work=unit_of_work), room)


async def test_an_entry_names_who_did_it(client: httpx.AsyncClient, staff_id: UUID) -> None:
    """The actor is who was signed in; the cause is the request."""
    customer = await add(client)
    answer = await client.post(path_of(customer, "qualify"), headers={"X-Request-Id": "request-of-the-test"})

    entry = (await client.get(path_of(customer, "timeline"))).json()["items"][0]

    assert entry["actor"] == str(staff_id)
    assert entry["cause"] == answer.headers["x-request-id"]


async def test_a_list_is_narrowed(client: httpx.AsyncClient) -> None:
    """By lifecycle, tier, owner, tag, a part of name or email in any case, and by several at once."""
    owner = str(uuid4())
    await add(client)
    ada = await add(client, name="Ada 100%_", email="tea@example.com", tier="pro", owner_id=owner, tags=["vip"])
    ada = (await client.post(path_of(ada, "qualify"))).json()
    queries: list[dict[str, str]] = [
        {"lifecycle": "prospect"},
        {"tier": "pro"},
        {"owner_id": owner},
        {"tag": "vip"},
        {"q": "ADA 100"},
        {"q": "TEA@exam"},
        {"q": "%_"},
        {"tier": "pro", "tag": "vip", "q": "ada", "lifecycle": "prospect", "owner_id": owner},
    ]

    for query in queries:
        assert (await client.get(CUSTOMERS, params=query)).json()["items"] == [ada], query
    for query in [{"lifecycle": "churned"}, {"tag": "VIP"}, {"tier": "pro", "tag": "tea"}, {"q": "nobody at all"}]:
        assert (await client.get(CUSTOMERS, params=query)).json() == {"items": [], "next_cursor": None}, query


async def test_a_walk_sees_every_customer_once(client: httpx.AsyncClient) -> None:
    """While customers come and go, a walk repeats none and misses none that was there throughout."""
    customers = [await add(client, tags=["walk"]) for _ in range(5)]
    seen: list[str] = []
    path: str | None = f"{CUSTOMERS}?limit=2&tag=walk"

    while path is not None:
        answer = await client.get(path)
        seen += [item["id"] for item in answer.json()["items"]]
        path = answer.links["next"]["url"] if "next" in answer.links else None
        await add(client, tags=["walk"])
        await client.delete(path_of(customers[4]))

    assert seen == [customer["id"] for customer in reversed(customers)]


async def test_facts_move_a_customer_over_http_too(client: httpx.AsyncClient, world: World) -> None:
    """Disqualified by hand, a customer by the fact; the entry names the event behind it."""
    customer, order_id = await add(client), uuid4()
    await client.post(path_of(customer, "disqualify"), json={"reason": "no budget"})

    event = sample(OrderConfirmed, order_id=order_id, customer_id=UUID(customer["id"]), user_id=None)
    envelope = await world.tell(event, order_id)

    shown = (await client.get(path_of(customer))).json()
    assert (shown["lifecycle"], shown["disqualified_reason"]) == ("customer", None)
    entries = (await client.get(path_of(customer, "timeline"))).json()["items"]
    caused = [entry for entry in entries if entry["cause"] == str(envelope.id)]
    assert {entry["kind"] for entry in caused} == {"order.confirmed", "lifecycle.changed"}
    assert {entry["data"]["order_id"] for entry in caused if entry["kind"] == "order.confirmed"} == {str(order_id)}


async def test_the_timeline_is_paged(client: httpx.AsyncClient) -> None:
    """The newest first, in pages that follow each other by cursor and Link."""
    customer = await add(client)
    for command in ("qualify", "convert"):
        await client.post(path_of(customer, command))

    first = await client.get(path_of(customer, "timeline"), params={"limit": 2})
    rest = await client.get(first.links["next"]["url"])

    items = first.json()["items"] + rest.json()["items"]
    assert [item["kind"] for item in items] == ["lifecycle.changed", "lifecycle.changed", "customer.created"]
    assert [item["occurred_at"] for item in items] == sorted((item["occurred_at"] for item in items), reverse=True)
    assert rest.json()["next_cursor"] is None
