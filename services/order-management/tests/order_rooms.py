"""The rooms of Order Management set up for tests, and the steps that tests share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from litestar import Litestar
from order_fakes import InMemoryCustomers, InMemoryFulfillments, InMemoryOrders, InMemoryTimeline
from promenade_chassis.config import HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_kernel.events.billing import InvoiceFinalized, InvoicePaid, InvoiceRejected, PaymentFailed
from promenade_kernel.events.customer_management import CustomerCreated
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money
from promenade_order_management.bootstrap import Rooms, furnish
from promenade_order_management.customer.use_cases import CustomerRoom
from promenade_order_management.fulfillment.http import FulfillmentController, OrderFulfillmentController
from promenade_order_management.fulfillment.use_cases import FulfillmentRoom
from promenade_order_management.order.http import OrderController, OrderLineController
from promenade_order_management.order.use_cases import OrderPolicy, OrderRoom
from promenade_order_management.process.http import ProcessController
from promenade_order_management.process.use_cases import ProcessRoom
from promenade_order_management.reactions import Reactions

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


@dataclass(frozen=True)
class World:
    """The other contexts, as far as orders hear of them: each call is one event."""

    reactions: Reactions

    async def customer_appears(self, user_id: UUID | None, *, name: str = "Ada", sequence: int = 1) -> UUID:
        """Customer management has a customer."""
        event = CustomerCreated(
            customer_id=uuid4(),
            name=name,
            status="active",
            lifecycle="lead",
            email=Email(f"{uuid4().hex}@example.com"),
            user_id=user_id,
        )
        envelope = sealed(event, subject=event.customer_id, sequence=sequence)
        await self.reactions.on_customer_created(event, envelope)
        return event.customer_id

    async def invoice_finalized(self, order: dict[str, Any], invoice_id: UUID) -> None:
        """Billing has made the invoice."""
        now = datetime.now(UTC)
        event = InvoiceFinalized(**amounts(order, invoice_id, 1), number="INV-1", issued_at=now, due_at=now)
        await self.reactions.on_invoice_finalized(event, sealed(event, subject=invoice_id))

    async def invoice_paid(self, order: dict[str, Any], invoice_id: UUID | None = None) -> None:
        """Nothing is due any more."""
        invoice_id = invoice_id or uuid4()
        total = order["totals"]["total"]["amount"]
        event = InvoicePaid(**amounts(order, invoice_id, 5, paid=total), number="INV-1", paid_at=datetime.now(UTC))
        await self.reactions.on_invoice_paid(event, sealed(event, subject=invoice_id))

    async def invoice_rejected(self, order: dict[str, Any], reason: str) -> None:
        """Billing computes another total."""
        told = amounts(order, uuid4(), 1)
        event = InvoiceRejected(**told, order_total=told["total"], reason=reason)
        await self.reactions.on_invoice_rejected(event, sealed(event, subject=event.invoice_id))

    async def payment_failed(self, order: dict[str, Any], invoice_id: UUID) -> None:
        """No money came."""
        event = PaymentFailed(
            **amounts(order, invoice_id, 2),
            payment_id=uuid4(),
            amount=Money.of(order["totals"]["total"]["amount"], "EUR"),
            method="card",
            failure_code="card-declined",
            retryable=True,
            failed_at=datetime.now(UTC),
        )
        await self.reactions.on_payment_failed(event, sealed(event, subject=event.payment_id))


def amounts(
    order: dict[str, Any], invoice_id: UUID, sequence: int, *, paid: int = 0, refunded: int = 0
) -> dict[str, Any]:
    """What every event about an invoice says of its money."""
    currency = Currency(order["currency"])
    total = order["totals"]["total"]["amount"]
    return {
        "invoice_id": invoice_id,
        "invoice_sequence": sequence,
        "order_id": UUID(order["id"]),
        "currency": currency,
        "total": Money(total, currency),
        "amount_paid": Money(paid, currency),
        "amount_refunded": Money(refunded, currency),
        "amount_due": Money(total - paid, currency),
    }
