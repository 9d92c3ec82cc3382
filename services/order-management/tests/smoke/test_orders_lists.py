"""The list of orders, with fakes behind it."""

from __future__ import annotations

from uuid import uuid4

import httpx
from order_rooms import ORDERS, create, path_of, place
from order_world import World


async def test_lists_are_filtered(client: httpx.AsyncClient, world: World, staff: dict[str, str]) -> None:
    """Each filter of the contract leaves exactly the orders that fit."""
    draft, placed, paid = await create(client), await place(client), await place(client)
    await world.invoice_paid(paid)
    confirmed = (await client.get(path_of(paid))).json()
    await client.post(path_of(paid, "fulfillments"), headers=staff)

    async def found(**filters: str) -> list[str]:
        answer = await client.get(ORDERS, params=filters)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    assert await found() == [paid["id"], placed["id"], draft["id"]]
    assert await found(status="draft") == [draft["id"]]
    assert await found(payment_status="paid") == [paid["id"]]
    assert await found(fulfillment_status="fulfilled") == [paid["id"]]
    assert await found(number=placed["number"]) == [placed["id"]]
    assert await found(placed_from=paid["placed_at"]) == [paid["id"]]
    assert await found(placed_to=paid["placed_at"]) == [placed["id"]]
    assert await found(placed_from=placed["placed_at"], placed_to=placed["placed_at"]) == []
    assert await found(customer_id=str(uuid4())) == []
    assert await found(status="confirmed", payment_status="unpaid") == []
    assert confirmed["status"] == "confirmed"


async def test_a_list_is_walked_page_by_page(client: httpx.AsyncClient) -> None:
    """Newest first, and the link to the next page keeps the filters."""
    ids = [(await create(client))["id"] for _ in range(3)]

    first = await client.get(ORDERS, params={"limit": 2, "status": "draft"})
    second = await client.get(first.links["next"]["url"])

    assert [item["id"] for item in first.json()["items"] + second.json()["items"]] == ids[::-1]
    assert second.json()["next_cursor"] is None
