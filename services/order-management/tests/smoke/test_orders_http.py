"""The routes of orders, with fakes behind them: what each answers when all is well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from order_rooms import (
    ADDRESS,
    ORDERS,
    create,
    euro,
    if_match,
    line,
    order_body,
    path_of,
    place,
)
from order_world import World
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_kernel.events.order_management import OrderCreated, OrderDiscarded, OrderPlaced
from promenade_order_management.bootstrap import Rooms

MEMBERS = {
    *("id", "version", "created_at", "updated_at", "number", "status", "payment_status", "fulfillment_status"),
    *("return_status", "allowed_actions", "on_hold", "customer_id", "user_id", "customer_name", "customer_email"),
    *("deal_id", "currency", "tax_inclusive", "price_source", "lines", "discount", "shipping", "totals"),
    *("shipping_address", "billing_address", "note", "invoice_id", "invoice_number", "amount_paid"),
    *("amount_refunded", "placed_at", "payment_deadline", "confirmed_at", "completed_at"),
}
LINE_MEMBERS = {
    *("id", "sku", "name", "quantity", "unit_price", "discount", "tax_rate", "gross", "discount_total", "net"),
    *("tax", "total", "open", "allocated", "shipped", "delivered", "returned", "cancelled"),
}


def events(rooms: Rooms) -> list[Any]:
    """What was published."""
    assert isinstance(rooms.order.unit_of_work, InMemoryUnitOfWork)
    return rooms.order.unit_of_work.events


async def test_an_order_begins_as_a_draft(client: httpx.AsyncClient, user_id: UUID, rooms: Rooms) -> None:
    """POST answers 201 with the whole order, where it lives, its version, and its totals computed."""
    answer = await client.post(ORDERS, json=order_body(note="gift"))

    order = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == path_of(order)
    assert answer.headers["etag"] == '"1"'
    assert order.keys() == MEMBERS
    assert (order["status"], order["number"], order["user_id"]) == ("draft", None, str(user_id))
    assert (order["payment_status"], order["fulfillment_status"]) == ("unpaid", "none")
    assert (order["return_status"], order["price_source"], order["on_hold"]) == ("none", "client", None)
    assert order["allowed_actions"] == ["change", "discard", "place"]
    assert order["totals"] == {
        "subtotal": euro(2500),
        "discount": euro(0),
        "shipping": euro(0),
        "tax": euro(500),
        "total": euro(3000),
        "taxes": [{"rate": "0.20", "base": euro(2500), "tax": euro(500)}],
    }
    assert order["lines"][0].keys() == LINE_MEMBERS
    assert (order["lines"][0]["open"], order["note"]) == (2, "gift")
    assert [type(event) for event in events(rooms)] == [OrderCreated]


async def test_an_order_may_begin_empty(client: httpx.AsyncClient) -> None:
    """A draft has any number of lines; what it lacks to be placed can come later."""
    answer = await client.post(ORDERS, json={"currency": "EUR"})

    order = answer.json()
    assert answer.status_code == 201
    assert (order["lines"], order["totals"]["total"]) == ([], euro(0))
    assert order["allowed_actions"] == ["change", "discard"]


async def test_an_order_is_read_as_it_was_created(client: httpx.AsyncClient) -> None:
    """GET shows what POST answered, with the same ETag."""
    order = await create(client)

    answer = await client.get(path_of(order))

    assert (answer.status_code, answer.headers["etag"], answer.json()) == (200, '"1"', order)


@pytest.mark.parametrize("tax_inclusive", [False, True], ids=["exclusive", "inclusive"])
async def test_a_preview_is_the_order_to_the_cent(client: httpx.AsyncClient, tax_inclusive: bool) -> None:
    """A preview shows lines and totals as the order then shows them, and stores nothing."""
    body = order_body(
        tax_inclusive=tax_inclusive,
        lines=[line(discount={"percent": "12.5"}), line(sku="CUP", quantity=3, tax_rate="0.10")],
        discount={"amount": euro(299)},
        shipping={"name": "Post", "price": euro(499), "tax_rate": "0.10"},
    )

    answer = await client.post(f"{ORDERS}/preview", json=body)
    stored = (await client.get(ORDERS)).json()["items"]
    order = await create(client, **body)

    preview = answer.json()
    assert (answer.status_code, stored) == (200, [])
    assert preview.keys() == {"currency", "tax_inclusive", "lines", "totals"}
    assert preview["totals"] == order["totals"]
    assert preview["tax_inclusive"] is tax_inclusive
    assert preview["lines"] == [{**shown, "id": None} for shown in order["lines"]]


async def test_a_draft_is_changed(client: httpx.AsyncClient) -> None:
    """PATCH changes what it names, clears what is null, leaves the rest, and computes the totals anew."""
    order = await create(
        client, note="gift", discount={"percent": "10"}, shipping={"name": "Post", "price": euro(100), "tax_rate": "0"}
    )

    changed = await client.patch(
        path_of(order),
        json={"note": None, "discount": None, "billing_address": ADDRESS, "lines": [line(quantity=1)]},
        headers=if_match(order),
    )

    after = changed.json()
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (after["note"], after["discount"]) == (None, None)
    assert (after["billing_address"]["city"], after["shipping"]["price"]) == ("Vienna", euro(100))
    assert after["totals"]["total"] == euro(1250 + 250 + 100)
    assert after == (await client.get(path_of(order))).json()


async def test_an_empty_change_changes_nothing(client: httpx.AsyncClient) -> None:
    """What is absent stays, the lines with their ids included."""
    order = await create(client)

    changed = (await client.patch(path_of(order), json={}, headers=if_match(order))).json()

    moving = {"version", "updated_at"}
    assert {k: v for k, v in changed.items() if k not in moving} == {k: v for k, v in order.items() if k not in moving}


async def test_lines_come_and_go(client: httpx.AsyncClient) -> None:
    """Lines are added, changed and removed one by one; each answers the whole order, the others keep their ids."""
    order = await create(client)
    first = order["lines"][0]["id"]

    added = await client.post(path_of(order, "lines"), json=line(sku="CUP", quantity=1))
    second = added.json()["lines"][1]["id"]
    changed = await client.patch(path_of(order, "lines", second), json={"quantity": 4, "discount": {"percent": "50"}})
    removed = await client.delete(path_of(order, "lines", first))

    assert (added.status_code, added.headers["location"]) == (201, path_of(order, "lines", second))
    assert added.headers["etag"] == '"2"'
    assert (changed.status_code, removed.status_code) == (200, 204)
    after = (await client.get(path_of(order))).json()
    assert [(each["id"], each["quantity"], each["sku"]) for each in after["lines"]] == [(second, 4, "CUP")]
    assert after["totals"]["total"] == euro(3000)


async def test_placing_freezes_the_order(client: httpx.AsyncClient, rooms: Rooms, world: World, user_id: UUID) -> None:
    """Placing gives number, deadline and the customer's name, and tells billing all it needs."""
    customer_id = await world.customer_appears(user_id, name="Ada Lovelace")
    order = await create(client)

    answer = await client.post(path_of(order, "place"))

    placed = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert placed["number"] == "ORD-2026-000001"
    assert (placed["customer_id"], placed["customer_name"]) == (str(customer_id), "Ada Lovelace")
    hours = datetime.fromisoformat(placed["payment_deadline"]) - datetime.fromisoformat(placed["placed_at"])
    assert hours == timedelta(hours=24)
    assert placed["allowed_actions"] == ["hold"]
    assert placed == (await client.get(path_of(order))).json()
    event = events(rooms)[-1]
    assert isinstance(event, OrderPlaced)
    assert (event.number, event.customer_name, event.user_id) == (placed["number"], "Ada Lovelace", user_id)


async def test_numbers_ascend(client: httpx.AsyncClient) -> None:
    """A later order has a greater number."""
    numbers = [(await place(client))["number"] for _ in range(3)]

    assert numbers == sorted(set(numbers))


async def test_a_discarded_draft_is_gone_for_its_owner(
    client: httpx.AsyncClient, staff: dict[str, str], rooms: Rooms
) -> None:
    """DELETE answers 204; then its owner finds it nowhere, and staff see it discarded."""
    order = await create(client)

    deleted = await client.delete(path_of(order))

    assert deleted.status_code == 204
    assert (await client.get(path_of(order))).status_code == 404
    assert (await client.get(ORDERS)).json()["items"] == []
    seen = (await client.get(path_of(order), headers=staff)).json()
    assert (seen["status"], seen["allowed_actions"]) == ("discarded", [])
    assert [item["id"] for item in (await client.get(ORDERS, headers=staff)).json()["items"]] == [order["id"]]
    assert isinstance(events(rooms)[-1], OrderDiscarded)


async def test_staff_hold_and_release(client: httpx.AsyncClient, staff: dict[str, str]) -> None:
    """A held order says why; released it is as before."""
    order = await place(client)

    held = await client.post(path_of(order, "hold"), json={"reason": "odd address"}, headers=staff)
    released = await client.post(path_of(order, "release"), headers=staff)
    without_reason = await client.post(path_of(order, "hold"), headers=staff)

    assert held.json()["on_hold"] == {"reason": "odd address"}
    assert held.json()["allowed_actions"] == ["release"]
    assert (released.json()["on_hold"], released.json()["allowed_actions"]) == (None, ["hold"])
    assert without_reason.json()["on_hold"] == {"reason": "Held by hand"}


async def test_the_timeline_names_who_and_why(client: httpx.AsyncClient, staff: dict[str, str], user_id: UUID) -> None:
    """Every entry has its actor and the request that caused it; pages go on where the last one ended."""
    order = await place(client)
    await client.post(path_of(order, "hold"), json={"reason": "x"}, headers={**staff, "X-Request-Id": "the-cause"})

    first = await client.get(path_of(order, "timeline"), params={"limit": 2})
    rest = await client.get(first.links["next"]["url"])

    entries = first.json()["items"] + rest.json()["items"]
    assert [entry["kind"] for entry in entries] == ["order.created", "order.placed", "order.held"]
    assert [entry["actor"] == str(user_id) for entry in entries] == [True, True, False]
    assert (entries[2]["cause"], entries[2]["facts"]) == ("the-cause", {"reason": "x"})
    assert entries[1]["facts"]["number"] == order["number"]
