"""The rooms of Billing set up for tests, and the steps that tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from billing_fakes import (
    InMemoryCustomers,
    InMemoryInvoices,
    InMemoryNumberSeries,
    InMemoryPayments,
    InMemoryProvider,
    SetClock,
)
from billing_orders import SELLER, TERMS, miscounted, order_placed
from litestar import Litestar
from promenade_billing.bootstrap import Rooms, build_app, furnish
from promenade_billing.customer.use_cases import CustomerRoom
from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.use_cases import InvoiceRoom, invoice_order
from promenade_billing.payment.entity import Payment
from promenade_billing.payment.repository import PaymentProvider
from promenade_billing.payment.use_cases import PaymentRoom, create_payment
from promenade_billing.payment.work import work_on_payments
from promenade_billing.reactions import Reactions
from promenade_chassis.config import HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import Principal
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryUnitOfWork
from promenade_kernel.events.customer_management import CustomerCreated
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.values.money import Money

BASE = "/api/v1/billing"
INVOICES, PAYMENTS = f"{BASE}/invoices", f"{BASE}/payments"
STAFF = ("invoices:read", "invoices:finalize", "invoices:void", "payments:read", "payments:create")


def fake_rooms() -> Rooms:
    """Every room with fakes behind every port."""
    work, clock = InMemoryUnitOfWork(), SetClock()
    customers = InMemoryCustomers(work)
    invoices = InMemoryInvoices(work, customers)
    return Rooms(
        customer=CustomerRoom(work, customers),
        invoice=InvoiceRoom(work, invoices, InMemoryNumberSeries(work), customers, clock, SELLER, TERMS),
        payment=PaymentRoom(work, InMemoryPayments(work, invoices), invoices, InMemoryProvider(), clock),
    )


def real_rooms(database: Database, provider: PaymentProvider, clock: SetClock | None = None) -> Rooms:
    """Every room on PostgreSQL."""
    rooms, _ = furnish(database, provider, SELLER, TERMS, clock or SetClock())
    return rooms


def billing_app(rooms: Rooms, verifier: Any, idempotency: IdempotencyStore) -> Litestar:
    """The service's application, as bootstrap composes it, for users that `verifier` signs in."""
    return build_app(
        rooms,
        Readiness("billing", "1", {}),
        verifier=verifier,
        unit_of_work=rooms.invoice.unit_of_work,
        idempotency=idempotency,
        http=HttpSettings(),
    )


@dataclass(frozen=True)
class World:
    """The other contexts, the provider and the worker, as far as billing has to do with them."""

    rooms: Rooms

    @property
    def clock(self) -> SetClock:
        """Business time."""
        assert isinstance(self.rooms.payment.clock, SetClock)
        return self.rooms.payment.clock

    @property
    def reactions(self) -> Reactions:
        """What billing does about events."""
        return Reactions(self.rooms.customer, self.rooms.invoice)

    async def place(self, user_id: UUID | None = None, **more: Any) -> Invoice:
        """Somebody places an order; answers its invoice."""
        return await self.invoice_of(order_placed(**({"user_id": user_id} if user_id else {}), **more))

    async def place_miscounted(self, user_id: UUID | None = None) -> Invoice:
        """Somebody places an order whose total is wrong by a cent; answers its held invoice."""
        return await self.invoice_of(miscounted(order_placed(**({"user_id": user_id} if user_id else {}))))

    async def invoice_of(self, order: OrderPlaced) -> Invoice:
        """Billing hears of an order; answers its invoice."""
        await invoice_order(order, room=self.rooms.invoice)
        invoice = await self.rooms.invoice.invoices.find_of_order(order.order_id)
        assert invoice is not None
        return invoice

    async def customer_appears(self, user_id: UUID | None, customer_id: UUID | None = None, sequence: int = 1) -> UUID:
        """Customer management has a customer."""
        event = CustomerCreated(
            customer_id=customer_id or uuid4(), name="Ada", status="active", lifecycle="lead", user_id=user_id
        )
        envelope = sealed(event, subject=event.customer_id, sequence=sequence)
        await self.reactions.on_customer_created(event, envelope)
        return event.customer_id

    async def pay(self, invoice: Invoice, method: str = "pm_ok", amount: Money | None = None) -> Payment:
        """The owner of an invoice begins to pay it."""
        assert invoice.user_id is not None
        principal = Principal(id=invoice.user_id)
        return await create_payment(invoice.id, amount, method, principal=principal, room=self.rooms.payment)

    async def work(self) -> None:
        """The worker does all that is due."""
        while await work_on_payments(room=self.rooms.payment):
            pass

    async def settle(self, invoice: Invoice, method: str = "pm_ok", amount: Money | None = None) -> Payment:
        """Pay, and let the worker work; answers the payment after that."""
        payment = await self.pay(invoice, method, amount)
        await self.work()
        return await self.payment(payment)

    async def payment(self, payment: Payment) -> Payment:
        """The payment as it is now."""
        return await self.rooms.payment.payments.get(payment.id)

    async def invoice(self, invoice: Invoice) -> Invoice:
        """The invoice as it is now."""
        return await self.rooms.invoice.invoices.get(invoice.id)


def path_of(thing: Invoice | Payment, command: str = "") -> str:
    """Where an invoice or a payment lives, or one of its commands."""
    base = INVOICES if isinstance(thing, Invoice) else PAYMENTS
    return f"{base}/{thing.id}" + (f"/{command}" if command else "")


async def begin_payment(client: httpx.AsyncClient, invoice: Invoice, method: str = "pm_ok", **more: Any) -> Any:
    """Begin to pay over HTTP; answers the payment."""
    answer = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": method, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def staff_of(verifier: FakeVerifier) -> dict[str, str]:
    """Headers of somebody who handles all invoices and payments."""
    return verifier.sign_in(uuid4(), *STAFF)
