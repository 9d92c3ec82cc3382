"""The rooms of Order Management set up for tests, and the steps that tests share."""

from __future__ import annotations

from dataclasses import fields
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
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_order_management.bootstrap import CONTEXT, DESCRIPTION, ROUTES, Rooms, furnish
from promenade_order_management.customer.use_cases import CustomerRoom
from promenade_order_management.fulfillment.use_cases import FulfillmentRoom
from promenade_order_management.order.entity import Order
from promenade_order_management.order.use_cases import OrderPolicy, OrderRoom
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


class Lent:
    """Stands for whatever the running test has put in."""

    def __init__(self) -> None:
        self.thing: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.thing, name)


class Stage:
    """The service's application, made once a process: making it costs more than most tests. All its ports are lent."""

    def __init__(self) -> None:
        self._rooms = {
            name: kind(*(Lent() for _ in fields(kind)))
            for name, kind in {"order": OrderRoom, "fulfillment": FulfillmentRoom, "process": ProcessRoom}.items()
        }
        self._verifier: Any = Lent()
        self._unit_of_work: Any = Lent()
        self._answers: Any = Lent()
        self.app = create_app(
            context=CONTEXT,
            version="1",
            description=DESCRIPTION,
            routes=ROUTES,
            dependencies={f"{name}_room": room for name, room in self._rooms.items()},
            verifier=self._verifier,
            unit_of_work=self._unit_of_work,
            idempotency=self._answers,
            readiness=Readiness(CONTEXT, "1", {}),
            http=HttpSettings(),
        )

    def furnish(self, rooms: Rooms, verifier: FakeVerifier, answers: IdempotencyStore) -> Litestar:
        """The application with these behind it, until it is furnished anew."""
        for name, lent in self._rooms.items():
            for port in fields(lent):
                getattr(lent, port.name).thing = getattr(getattr(rooms, name), port.name)
        self._verifier.thing, self._answers.thing = verifier, answers
        self._unit_of_work.thing = rooms.order.unit_of_work
        return self.app


async def add(rooms: Rooms, order: Order) -> Order:
    """Store an order that was never stored, however far it has come."""
    order.version, order.last_sequence = 0, 0
    async with rooms.order.unit_of_work.begin():
        await rooms.order.orders.add(order)
    return order


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
