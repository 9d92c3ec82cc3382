"""Commands and queries of payments: one async function each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from promenade_chassis.ports import Clock, Page, PageRequest, Principal, UnitOfWork, invalid_field
from promenade_kernel.values.money import Money

from promenade_billing.invoice.repository import Invoices
from promenade_billing.payment.entity import Payment
from promenade_billing.payment.repository import PaymentFilter, PaymentProvider, Payments

READ, CREATE = "payments:read", "payments:create"


@dataclass(frozen=True, slots=True)
class PaymentRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    payments: Payments
    invoices: Invoices
    provider: PaymentProvider
    clock: Clock


async def create_payment(
    invoice_id: UUID, amount: Money | None, method: str, *, principal: Principal, room: PaymentRoom
) -> Payment:
    """Reserve what will be charged and leave the charging to the worker.

    The invoice's row is locked, so of two at once the second sees what the first has reserved.
    """
    if not room.provider.takes(method):
        raise invalid_field("/method", "unknown-method", "There is no such payment method")
    now = room.clock.now()
    async with room.unit_of_work.begin():
        invoice = await room.invoices.lock(invoice_id)
        principal.require_reach(invoice.user_id, CREATE, "invoice")
        reserved = invoice.reserve(amount)
        payment = Payment(
            number=await room.payments.next_number(now.year),
            invoice_id=invoice.id,
            amount=reserved,
            refunded_amount=Money.zero(reserved.currency),
            method=method,
            provider=room.provider.name,
            due_at=now,
        )
        await room.invoices.save(invoice)
        await room.payments.add(payment)
    return payment


async def list_payments(
    wanted: PaymentFilter, page: PageRequest, *, principal: Principal, room: PaymentRoom
) -> Page[Payment]:
    """The payments of one's own invoices; with payments:read everybody's."""
    if not principal.may(READ):
        wanted = replace(wanted, user_id=principal.id)
    return await room.payments.list(wanted, page)


async def get_payment(payment_id: UUID, *, principal: Principal, room: PaymentRoom) -> Payment:
    """A payment one may see; raises `NotFound` for others."""
    payment = await room.payments.get(payment_id)
    invoice = await room.invoices.get(payment.invoice_id)
    principal.require_reach(invoice.user_id, READ, "payment")
    return payment


async def confirm_payment(
    payment_id: UUID, *, expected_version: int | None, principal: Principal, room: PaymentRoom
) -> Payment:
    """The buyer has done what was needed; the worker goes on."""
    async with room.unit_of_work.begin():
        payment = await room.payments.get(payment_id)
        invoice = await room.invoices.get(payment.invoice_id)
        principal.require_reach(invoice.user_id, CREATE, "payment")
        payment.expect_version(expected_version)
        payment.confirm(room.clock.now())
        await room.payments.save(payment)
    return payment
