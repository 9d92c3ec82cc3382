"""Orders under parallel requests and parallel news, with the real database behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import httpx
from order_rooms import create, fulfillment_path, line, path_of, place
from order_world import World
from promenade_chassis.database import Database
from promenade_chassis.ports import StaleVersion
from promenade_chassis.testing.answers import problem_of
from promenade_kernel.events.envelope import Envelope
from promenade_order_management.bootstrap import Rooms


async def rows(database: Database, statement: Any, **named: Any) -> list[dict[str, Any]]:
    async with database.reading_connection() as connection:
        return await (await connection.execute(statement, named)).fetchall()


async def published(database: Database, subject: str) -> list[str]:
    """The types of the facts of one subject, in order."""
    found = await rows(database, "SELECT envelope FROM outbox WHERE subject = %(id)s ORDER BY sequence", id=subject)
    return [Envelope.decode(bytes(row["envelope"])).type for row in found]


async def test_fifty_placings_make_one(client: httpx.AsyncClient, database: Database) -> None:
    """One placement, one number, one event; the other 49 are told that it is placed. No number is lost on them."""
    order = await create(client)

    answers = await asyncio.gather(*(client.post(path_of(order, "place")) for _ in range(50)))
    next_one = await place(client)

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 49}
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "invalid-transition")
    assert await published(database, order["id"]) == ["order.created.v1", "order.placed.v1"]
    number = (await client.get(path_of(order))).json()["number"]
    years = {f"ORD-{each[:4]}-" for each in (order["created_at"], next_one["placed_at"])}  # it may be New Year's Eve
    assert (number[:9] in years, number[9:]) == (True, "000001")
    assert (next_one["number"][:9] in years, next_one["number"][9:]) == (True, "000002")
    assert len(await rows(database, "SELECT 1 FROM timeline_entry WHERE kind = 'order.placed'")) == 2


async def test_many_orders_placed_at_once_get_numbers_of_their_own(client: httpx.AsyncClient) -> None:
    """No two share one, and none waits for another's commit to fail."""
    orders = [await create(client) for _ in range(20)]

    answers = await asyncio.gather(*(client.post(path_of(order, "place")) for order in orders))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["number"] for answer in answers}) == 20


async def test_the_last_unit_goes_to_one(client: httpx.AsyncClient, staff: dict[str, str], world: World) -> None:
    """Of many that want the last unit one gets it, and the others are told that nothing is open."""
    order = await place(client, lines=[line(quantity=1)])
    await world.invoice_paid(order)
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]}

    answers = await asyncio.gather(
        *(client.post(path_of(order, "fulfillments"), json=body, headers=staff) for _ in range(8))
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    for answer in answers:
        if answer.status_code == 409:
            assert problem_of(answer, 409, "not-enough-open")["open"] == {order["lines"][0]["id"]: 0}
    shown = (await client.get(path_of(order))).json()
    assert (shown["lines"][0]["open"], shown["lines"][0]["allocated"]) == (0, 1)


async def test_a_parcel_is_shipped_once_however_often_it_is_told(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, database: Database
) -> None:
    """Parallel commands on one fulfillment: one ships, one event, and the units move once."""
    order = await place(client)
    await world.invoice_paid(order)
    parcel = (await client.post(path_of(order, "fulfillments"), headers=staff)).json()

    answers = await asyncio.gather(*(client.post(fulfillment_path(parcel, "ship"), headers=staff) for _ in range(8)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert await published(database, parcel["id"]) == ["fulfillment.shipped.v1"]
    assert (await client.get(path_of(order))).json()["lines"][0]["shipped"] == 2


async def test_two_last_deliveries_complete_the_order_once(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, database: Database
) -> None:
    """Whichever comes last completes it; neither overlooks the other."""
    order = await place(client)
    await world.invoice_paid(order)
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]}
    parcels = [(await client.post(path_of(order, "fulfillments"), json=body, headers=staff)).json() for _ in range(2)]
    for parcel in parcels:
        await client.post(fulfillment_path(parcel, "ship"), headers=staff)

    await asyncio.gather(*(client.post(fulfillment_path(parcel, "deliver"), headers=staff) for parcel in parcels))

    assert (await client.get(path_of(order))).json()["status"] == "completed"
    assert (await published(database, order["id"]))[-2:] == ["order.confirmed.v1", "order.completed.v1"]


async def test_of_two_connections_the_stale_version_loses(
    client: httpx.AsyncClient, database: Database, rooms: Rooms
) -> None:
    """Two that both read version 1 without taking the order: one is stored, the other is stale."""
    order_id = UUID((await create(client))["id"])
    both_have_read = asyncio.Barrier(2)

    async def rename(note: str) -> None:
        async with database.begin():
            order = await rooms.order.orders.get(order_id)
            await both_have_read.wait()
            order.set_details(shipping_address=None, billing_address=None, note=note, now=order.created_at)
            await rooms.order.orders.save(order)

    results = await asyncio.gather(rename("first"), rename("second"), return_exceptions=True)

    assert Counter(type(result) for result in results) == {type(None): 1, StaleVersion: 1}
    assert (await rooms.order.orders.get(order_id)).version == 2


async def test_no_order_misses_a_customer_that_arrives_meanwhile(
    client: httpx.AsyncClient, world: World, user_id: UUID
) -> None:
    """Orders begun and placed while the customer is being copied all know him in the end, by name."""
    drafts = [await create(client) for _ in range(4)]

    async def begin_and_place() -> dict[str, Any]:
        return await place(client)

    placed, customer_id, *_ = await asyncio.gather(
        asyncio.gather(*(begin_and_place() for _ in range(6))),
        world.customer_appears(user_id),
        *(client.post(path_of(order, "place")) for order in drafts),
    )

    for order in [*placed, *drafts]:
        shown = (await client.get(path_of(order))).json()
        assert (shown["customer_id"], shown["customer_name"]) == (str(customer_id), "Ada"), shown["status"]


async def test_news_and_commands_at_once(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, database: Database
) -> None:
    """Payments told in several events while staff hold and release: nothing is lost, nothing is dead-lettered."""
    order, invoice_id = await place(client), uuid4()

    await asyncio.gather(
        world.invoice_paid(order, invoice_id, number=9),
        *(world.payment_succeeded(order, invoice_id, number=number, paid=number) for number in range(2, 6)),
        *(client.post(path_of(order, "hold"), headers=staff) for _ in range(3)),
    )

    shown = (await client.get(path_of(order))).json()
    assert (shown["status"], shown["payment_status"]) == ("confirmed", "paid")
    assert shown["on_hold"] is not None
    assert await rows(database, "SELECT reason FROM dead_letter") == []
