"""The cash flow as orders see it, on fakes: from a draft to the last delivery."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
from order_rooms import euro, fulfillment_path, order_body, path_of, place
from order_world import World
from promenade_order_management.bootstrap import Rooms


async def test_an_order_goes_from_draft_to_completed(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, rooms: Rooms, user_id: UUID
) -> None:
    """Placed, invoiced, paid, confirmed, shipped, delivered, completed: each step is where it should be."""
    customer_id, invoice_id = await world.customer_appears(user_id), uuid4()
    order = await place(client)
    await world.invoice_finalized(order, invoice_id)
    await world.invoice_paid(order, invoice_id)

    parcel = (await client.post(path_of(order, "fulfillments"), headers=staff)).json()
    shipped = await client.post(
        fulfillment_path(parcel, "ship"), json={"carrier": "DHL", "tracking_number": "1Z"}, headers=staff
    )
    delivered = await client.post(fulfillment_path(parcel, "deliver"), headers=staff)

    end = (await client.get(path_of(order))).json()
    assert (shipped.json()["status"], delivered.json()["status"]) == ("shipped", "delivered")
    assert (end["status"], end["payment_status"], end["fulfillment_status"]) == ("completed", "paid", "delivered")
    assert end["totals"]["total"] == euro(3000)
    assert end["customer_id"] == str(customer_id)
    assert end["allowed_actions"] == []
    process = (await client.get(path_of(order, "process"))).json()
    assert {step["name"]: step["status"] for step in process["steps"] if step["status"] != "done"} == {
        "payment.succeeded": "skipped"
    }
    entries = (await client.get(path_of(order, "timeline"))).json()["items"]
    assert [entry["kind"] for entry in entries] == [
        "order.created",
        "order.placed",
        "invoice.finalized",
        "invoice.paid",
        "order.confirmed",
        "fulfillment.created",
        "fulfillment.shipped",
        "fulfillment.delivered",
        "order.completed",
    ]


async def test_a_preview_is_the_order(client: httpx.AsyncClient) -> None:
    """A preview shows what the order then shows, and stores nothing."""
    body = order_body(discount={"percent": "10"}, shipping={"name": "Post", "price": euro(500), "tax_rate": "0.1"})

    preview = await client.post(path_of({"id": "preview"}), json=body)
    order = await client.post(path_of({"id": "preview"}).removesuffix("/preview"), json=body)

    assert preview.status_code == 200
    assert preview.json()["totals"] == order.json()["totals"]
