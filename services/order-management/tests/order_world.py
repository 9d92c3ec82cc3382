"""The other contexts, as far as orders hear of them: each step publishes one event and waits for its effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.memory import ContextView, MemoryBus
from promenade_chassis.events.reacting import react
from promenade_chassis.testing.bus_rig import settled
from promenade_chassis.testing.events import sealed
from promenade_kernel.events.billing import (
    InvoiceFinalized,
    InvoicePaid,
    InvoiceRejected,
    PaymentFailed,
    PaymentSucceeded,
)
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted, CustomerUpdated
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.registry import Event
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.reactions import Reactions

Shown = dict[str, Any]


class World:
    """Publishes on a bus that this context listens to; numbers the facts of each subject as their producers do."""

    def __init__(self, bus: ContextView) -> None:
        self._bus = bus
        self._told: Counter[UUID] = Counter()

    def seal(self, event: Event, subject: UUID) -> Envelope:
        """The next fact of a subject."""
        self._told[subject] += 1
        return sealed(event, subject=subject, sequence=self._told[subject])

    async def tell(self, event: Event, subject: UUID) -> Envelope:
        """Something happened elsewhere; back when all reactions are settled."""
        envelope = self.seal(event, subject)
        await self.deliver(envelope)
        return envelope

    async def replay(self, envelope: Envelope) -> None:
        """A dead letter that an operator lets take effect at last: the reactions alone, whatever came since."""
        for subscription in self._bus.subscriptions.of(envelope.type):
            await react(subscription, (envelope,))

    async def deliver(self, envelope: Envelope) -> None:
        """Hand one envelope over, also once more."""
        await settled(await self._bus.publish([envelope]))

    async def customer_appears(self, user_id: UUID | None, *, name: str = "Ada") -> UUID:
        """Customer management has a customer."""
        customer_id = uuid4()
        await self.tell(CustomerCreated(**copy_of(customer_id, user_id, name)), customer_id)
        return customer_id

    async def customer_changes(self, customer_id: UUID, user_id: UUID | None, *, name: str = "Ada") -> None:
        """Something of him is new."""
        await self.tell(CustomerUpdated(**copy_of(customer_id, user_id, name)), customer_id)

    async def customer_is_deleted(self, customer_id: UUID) -> None:
        """He is gone."""
        await self.tell(CustomerDeleted(customer_id=customer_id), customer_id)

    async def invoice_finalized(self, order: Shown, invoice_id: UUID) -> None:
        """Billing has made the invoice."""
        now = datetime.now(UTC)
        event = InvoiceFinalized(**amounts(order, invoice_id, 1), number="INV-1", issued_at=now, due_at=now)
        await self.tell(event, invoice_id)

    async def invoice_paid(self, order: Shown, invoice_id: UUID | None = None, *, number: int = 5) -> Envelope:
        """Nothing is due any more; `number` is billing's count of the invoice's changes."""
        told = amounts(order, invoice_id or uuid4(), number, paid=order["totals"]["total"]["amount"])
        return await self.tell(InvoicePaid(**told, number="INV-1", paid_at=datetime.now(UTC)), told["invoice_id"])

    async def invoice_rejected(self, order: Shown, reason: str) -> None:
        """Billing computes another total."""
        told = amounts(order, uuid4(), 1)
        await self.tell(InvoiceRejected(**told, order_total=told["total"], reason=reason), told["invoice_id"])

    async def payment_succeeded(self, order: Shown, invoice_id: UUID, *, number: int, paid: int) -> None:
        """Money was captured."""
        payment = _payment(order, invoice_id, number, paid)
        await self.tell(PaymentSucceeded(**payment, succeeded_at=datetime.now(UTC)), payment["payment_id"])

    async def payment_failed(self, order: Shown, invoice_id: UUID, *, number: int = 2) -> None:
        """No money came."""
        payment = _payment(order, invoice_id, number, 0)
        event = PaymentFailed(**payment, failure_code="card-declined", retryable=True, failed_at=datetime.now(UTC))
        await self.tell(event, payment["payment_id"])


@asynccontextmanager
async def listening(rooms: Rooms, ledger: Ledger) -> AsyncGenerator[World, None]:
    """The rooms, subscribed to a bus of their own while the block runs."""
    bus = MemoryBus()
    view = bus.for_context("order-management", ledger)
    Reactions(rooms.customer, rooms.order).subscribe(view)
    await view.start()
    yield World(view)
    await bus.close(5)


def amounts(order: Shown, invoice_id: UUID, sequence: int, *, paid: int = 0, refunded: int = 0) -> dict[str, Any]:
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


def copy_of(customer_id: UUID, user_id: UUID | None, name: str = "Ada") -> dict[str, Any]:
    """What customer management tells of a customer."""
    return {
        "customer_id": customer_id,
        "name": name,
        "status": "active",
        "lifecycle": "lead",
        "email": Email(f"{customer_id.hex}@example.com"),
        "user_id": user_id,
    }


def _payment(order: Shown, invoice_id: UUID, number: int, paid: int) -> dict[str, Any]:
    told = amounts(order, invoice_id, number, paid=paid)
    return {**told, "payment_id": uuid4(), "amount": told["total"], "method": "card"}
