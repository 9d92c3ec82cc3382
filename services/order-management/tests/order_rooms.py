"""The rooms of Order Management set up for tests, and the steps that tests share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from litestar import Litestar
from order_fakes import InMemoryCustomers, InMemoryFulfillments, InMemoryOrders, InMemoryTimeline
from promenade_chassis.config import HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_order_management.bootstrap import Rooms, furnish
from promenade_order_management.customer.use_cases import CustomerRoom
from promenade_order_management.fulfillment.http import FulfillmentController, OrderFulfillmentController
from promenade_order_management.fulfillment.use_cases import FulfillmentRoom
from promenade_order_management.order.http import OrderController, OrderLineController
from promenade_order_management.order.use_cases import OrderPolicy, OrderRoom
from promenade_order_management.process.http import ProcessController
from promenade_order_management.process.use_cases import ProcessRoom

BASE = "/api/v1/order-management"
ORDERS = f"{BASE}/orders"
ADDRESS = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}
STAFF = ("orders:create", "orders:read", "orders:update", "orders:place", "fulfillments:read", "fulfillments:write")
TRUSTING = OrderPolicy(trust_client_prices=True)


class SetClock:
    """Business time that tests set."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """A second later each time."""
        self.moment += timedelta(seconds=1)
        return self.moment


def fake_rooms(policy: OrderPolicy = TRUSTING) -> Rooms:
    """Every room with fakes behind every port."""
    work, clock = InMemoryUnitOfWork(), SetClock()
    customers, timeline = InMemoryCustomers(work), InMemoryTimeline(work)
    orders, fulfillments = InMemoryOrders(work, customers, timeline), InMemoryFulfillments(work)
    return Rooms(
        customer=CustomerRoom(work, customers),
        order=OrderRoom(work, orders, customers, timeline, clock, policy),
        fulfillment=FulfillmentRoom(work, fulfillments, orders, clock),
        process=ProcessRoom(orders, timeline),
    )


def real_rooms(database: Database, policy: OrderPolicy = TRUSTING) -> Rooms:
    """Every room on PostgreSQL."""
    return furnish(database, policy)


def orders_app(
    rooms: Rooms, verifier: FakeVerifier, unit_of_work: UnitOfWork, idempotency: IdempotencyStore
) -> Litestar:
    """The service's application without its tokens and checks."""
    return create_app(
        context="order-management",
        version="1",
        description="Order Management",
        routes=[
            OrderController,
            OrderLineController,
            OrderFulfillmentController,
            FulfillmentController,
            ProcessController,
        ],
        dependencies={
            "order_room": rooms.order,
            "fulfillment_room": rooms.fulfillment,
            "process_room": rooms.process,
        },
        verifier=verifier,
        unit_of_work=unit_of_work,
        idempotency=idempotency,
        readiness=Readiness("order-management", "1", {}),
        http=HttpSettings(),
    )


def line(**more: Any) -> dict[str, Any]:
    """Two packets of tea at 12.50 and 20 %."""
    return {
        "sku": "TEA-1",
        "name": "Tea",
        "quantity": 2,
        "unit_price": {"amount": 1250, "currency": "EUR"},
        "tax_rate": "0.20",
        **more,
    }


def euro(amount: int) -> dict[str, Any]:
    """An amount as the API shows it."""
    return {"amount": amount, "currency": "EUR"}


def order_body(**more: Any) -> dict[str, Any]:
    """An order that can be placed."""
    return {"currency": "EUR", "lines": [line()], "shipping_address": ADDRESS, **more}


def path_of(order: dict[str, Any], *more: str) -> str:
    """Where an order lives, or something under it."""
    return "/".join((ORDERS, order["id"], *more))


def fulfillment_path(fulfillment: dict[str, Any], *more: str) -> str:
    """Where a fulfillment lives, or one of its commands."""
    return "/".join((f"{BASE}/fulfillments", fulfillment["id"], *more))


def if_match(resource: dict[str, Any]) -> dict[str, str]:
    """The header that names the version read."""
    return {"If-Match": f'"{resource["version"]}"'}


async def create(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """Begin an order."""
    answer = await client.post(ORDERS, json=order_body(**more))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def place(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    """Begin an order and place it."""
    order = await create(client, **more)
    answer = await client.post(path_of(order, "place"))
    assert answer.status_code == 200, answer.text
    return answer.json()
