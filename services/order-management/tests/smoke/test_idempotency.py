"""Idempotency-Key on the POSTs of orders and fulfillments."""

from __future__ import annotations

from uuid import uuid4

import httpx
from order_rooms import ORDERS, create, order_body, path_of, place
from order_world import World
from promenade_chassis.testing.answers import problem_of


async def test_a_repeated_order_is_one_order(client: httpx.AsyncClient) -> None:
    """The same key and body answer alike, with Location and ETag, and begin one order."""
    key = {"Idempotency-Key": str(uuid4())}

    first = await client.post(ORDERS, json=order_body(), headers=key)
    again = await client.post(ORDERS, json=order_body(), headers=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await client.get(ORDERS)).json()["items"]) == 1


async def test_a_repeated_placing_answers_as_the_first(client: httpx.AsyncClient) -> None:
    """A client that never heard the answer hears it now, instead of a conflict."""
    order, key = await create(client), {"Idempotency-Key": str(uuid4())}

    first = await client.post(path_of(order, "place"), headers=key)
    again = await client.post(path_of(order, "place"), headers=key)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()


async def test_a_repeated_fulfillment_takes_units_once(
    client: httpx.AsyncClient, staff: dict[str, str], world: World
) -> None:
    """The same key sets the same units aside, not others."""
    order = await place(client)
    await world.invoice_paid(order)
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]}
    headers = {**staff, "Idempotency-Key": str(uuid4())}

    first = await client.post(path_of(order, "fulfillments"), json=body, headers=headers)
    again = await client.post(path_of(order, "fulfillments"), json=body, headers=headers)

    assert first.json() == again.json()
    assert (await client.get(path_of(order))).json()["lines"][0]["allocated"] == 1


async def test_a_preview_keeps_no_key(client: httpx.AsyncClient) -> None:
    """Previews store nothing: the same key works for any body."""
    key = {"Idempotency-Key": str(uuid4())}

    first = await client.post(f"{ORDERS}/preview", json=order_body(), headers=key)
    other = await client.post(f"{ORDERS}/preview", json=order_body(lines=[]), headers=key)

    assert (first.status_code, other.status_code) == (200, 200)
    assert "idempotent-replayed" not in other.headers


async def test_a_refusal_does_not_consume_the_key(client: httpx.AsyncClient) -> None:
    """What was refused may be corrected under the same key."""
    order, key = await create(client, shipping_address=None), {"Idempotency-Key": str(uuid4())}
    problem_of(await client.post(path_of(order, "place"), headers=key), 409, "order-incomplete")
    complete = order_body()["shipping_address"]
    await client.patch(path_of(order), json={"shipping_address": complete}, headers={"If-Match": "*"})

    assert (await client.post(path_of(order, "place"), headers=key)).status_code == 200
