"""For whom orders are begun and placed, with fakes behind the routes."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
from order_rooms import ORDERS, create, order_body, path_of
from order_world import World
from promenade_chassis.testing.answers import problem_of
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.customer.entity import Standing
from promenade_order_management.customer.use_cases import mark_customer_deleted, set_standing


async def test_staff_order_for_a_customer(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, user_id: UUID
) -> None:
    """With orders:create a customer can be named; the order is then his user's, too."""
    customer_id = await world.customer_appears(user_id)

    answer = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)

    assert answer.status_code == 201
    order = (await client.get(path_of(answer.json()))).json()
    assert (order["customer_id"], order["user_id"]) == (str(customer_id), str(user_id))


async def test_a_customer_without_a_user(client: httpx.AsyncClient, staff: dict[str, str], world: World) -> None:
    """Somebody who only telephones has orders, too."""
    customer_id = await world.customer_appears(None)

    order = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    placed = await client.post(path_of(order.json(), "place"), headers=staff)

    assert (placed.status_code, placed.json()["customer_name"], placed.json()["user_id"]) == (200, "Ada", None)


async def test_one_may_name_ones_own_customer(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """Naming oneself needs no permission."""
    customer_id = await world.customer_appears(user_id)

    order = await create(client, customer_id=str(customer_id))

    assert order["customer_id"] == str(customer_id)


async def test_ordering_for_somebody_else_needs_a_permission(
    client: httpx.AsyncClient, world: World, staff: dict[str, str]
) -> None:
    """A customer that is not one's own is 403, whether he exists or not; for staff an unknown one is a fault."""
    customer_id = await world.customer_appears(uuid4())

    theirs = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)))
    unknown = await client.post(ORDERS, json=order_body(customer_id=str(uuid4())))
    for_staff = await client.post(ORDERS, json=order_body(customer_id=str(uuid4())), headers=staff)

    ours, none = problem_of(theirs, 403, "forbidden"), problem_of(unknown, 403, "forbidden")
    assert ours["detail"] == none["detail"]
    fault = problem_of(for_staff, 422, "invalid")["errors"][0]
    assert (fault["pointer"], fault["code"]) == ("/customer_id", "unknown-customer")


@pytest.mark.parametrize("standing", [Standing.SUSPENDED, Standing.DELETED])
async def test_no_new_orders_of_a_user_without_standing(
    client: httpx.AsyncClient, rooms: Rooms, user_id: UUID, standing: Standing
) -> None:
    """He neither begins nor places one, until he is reinstated; what he has he still sees."""
    order = await create(client)
    await set_standing(user_id, standing, 2, room=rooms.customer)

    problem_of(await client.post(ORDERS, json=order_body()), 409, "buyer-refused")
    problem_of(await client.post(path_of(order, "place")), 409, "buyer-refused")
    assert (await client.get(path_of(order))).status_code == 200
    await set_standing(user_id, Standing.GOOD, 3, room=rooms.customer)
    assert (await client.post(path_of(order, "place"))).status_code == 200


async def test_no_new_orders_for_a_deleted_customer(
    client: httpx.AsyncClient, rooms: Rooms, world: World, staff: dict[str, str]
) -> None:
    """Neither begun nor placed."""
    customer_id = await world.customer_appears(None)
    order = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    await mark_customer_deleted(customer_id, None, 2, room=rooms.customer)

    again = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    placed = await client.post(path_of(order.json(), "place"), headers=staff)

    problem_of(again, 409, "buyer-refused")
    problem_of(placed, 409, "buyer-refused")
