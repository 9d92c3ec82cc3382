"""The cash flow as orders see it: the same story on fakes and on real engines."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
from order_rooms import euro, fulfillment_path, path_of, place
from order_world import World

HISTORY = [
    "order.created",
    "order.placed",
    "invoice.finalized",
    "payment.failed",
    "payment.succeeded",
    "invoice.paid",
    "order.confirmed",
    "fulfillment.created",
    "fulfillment.packed",
    "fulfillment.shipped",
    "fulfillment.delivered",
    "order.completed",
]


async def tell_the_story(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, user_id: UUID
) -> dict[str, object]:
    """Placed, invoiced, paid at the second try, shipped and delivered; answers the completed order."""
    customer_id, invoice_id = await world.customer_appears(user_id), uuid4()
    order = await place(client)
    await world.invoice_finalized(order, invoice_id)
    await world.payment_failed(order, invoice_id, number=2)
    await world.payment_succeeded(order, invoice_id, number=3, paid=3000)
    await world.invoice_paid(order, invoice_id)

    parcel = (await client.post(path_of(order, "fulfillments"), headers=staff)).json()
    await client.post(fulfillment_path(parcel, "pack"), headers=staff)
    told = {"carrier": "Post", "tracking_number": "1Z"}
    shipped = await client.post(fulfillment_path(parcel, "ship"), json=told, headers=staff)
    delivered = await client.post(fulfillment_path(parcel, "deliver"), headers=staff)

    assert (shipped.json()["status"], delivered.json()["status"]) == ("shipped", "delivered")
    end = (await client.get(path_of(order))).json()
    assert (end["status"], end["payment_status"], end["fulfillment_status"]) == ("completed", "paid", "delivered")
    assert (end["amount_paid"], end["invoice_number"]) == (euro(3000), "INV-1")
    assert (end["customer_id"], end["customer_name"], end["allowed_actions"]) == (str(customer_id), "Ada", [])
    steps = (await client.get(path_of(order, "process"))).json()["steps"]
    assert {step["status"] for step in steps} == {"done"}
    assert [step["error"] for step in steps if step["error"]] == ["card-declined"]
    entries = (await client.get(path_of(order, "timeline"))).json()["items"]
    assert [entry["kind"] for entry in entries] == HISTORY
    assert [item["id"] for item in (await client.get(path_of(order).rpartition("/")[0])).json()["items"]] == [
        order["id"]
    ]
    return end
