"""An installation that does not take a client's prices for granted: who may name a price unseen."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
from order_rooms import ADDRESS, ORDERS, euro, fake_rooms, if_match, line, order_body, path_of, place
from order_world import World
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.order.use_cases import OrderPolicy


@pytest.fixture
def rooms() -> Rooms:
    return fake_rooms(OrderPolicy(trust_client_prices=False))


async def test_a_self_service_order_is_held(client: httpx.AsyncClient, staff: dict[str, str]) -> None:
    """It is placed and waits for somebody to look; its owner cannot release it."""
    order = await place(client)

    assert order["on_hold"] == {"reason": "The prices are the client's and have to be reviewed"}
    assert order["allowed_actions"] == ["release"]
    problem_of(await client.post(path_of(order, "release")), 403, "forbidden")
    released = await client.post(path_of(order, "release"), headers=staff)
    assert released.json()["on_hold"] is None


async def test_who_may_set_prices_is_trusted(
    client: httpx.AsyncClient, verifier: FakeVerifier, world: World, user_id: UUID
) -> None:
    """orders:override-price sets prices by hand."""
    customer_id = await world.customer_appears(user_id)
    seller = verifier.sign_in(uuid4(), "orders:create", "orders:override-price")

    order = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=seller)

    assert order.json()["on_hold"] is None


@pytest.mark.parametrize("way", ["order", "new line", "line", "discount"])
async def test_the_buyer_cannot_change_a_trusted_price_unseen(
    client: httpx.AsyncClient, verifier: FakeVerifier, world: World, user_id: UUID, way: str
) -> None:
    """Whichever way he changes what a seller wrote: the order is held."""
    customer_id = await world.customer_appears(user_id)
    seller = verifier.sign_in(uuid4(), "orders:create", "orders:override-price")
    order = (await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=seller)).json()
    cheap = {"unit_price": euro(1)}

    if way == "order":
        answer = await client.patch(path_of(order), json={"lines": [line(**cheap)]}, headers=if_match(order))
    elif way == "discount":
        answer = await client.patch(path_of(order), json={"discount": {"percent": "99"}}, headers=if_match(order))
    elif way == "line":
        answer = await client.patch(path_of(order, "lines", order["lines"][0]["id"]), json=cheap)
    else:
        answer = await client.post(path_of(order, "lines"), json=line(**cheap))

    assert answer.json()["on_hold"] is not None


async def test_an_address_is_no_price(
    client: httpx.AsyncClient, verifier: FakeVerifier, world: World, user_id: UUID
) -> None:
    """Saying where it goes holds nothing."""
    customer_id = await world.customer_appears(user_id)
    seller = verifier.sign_in(uuid4(), "orders:create", "orders:override-price")
    order = (await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=seller)).json()

    answer = await client.patch(path_of(order), json={"billing_address": ADDRESS}, headers=if_match(order))

    assert answer.json()["on_hold"] is None
