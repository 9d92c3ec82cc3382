"""Commands and queries of invoices: one async function each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import Clock, Page, PageRequest, Principal, UnitOfWork
from promenade_kernel.events.order_management import OrderPlaced

from promenade_billing.customer.entity import Customer
from promenade_billing.customer.repository import Customers
from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.order import compute_again, disagreement, draft_of
from promenade_billing.invoice.parts import Seller, Terms
from promenade_billing.invoice.repository import INVOICE_SERIES, InvoiceFilter, Invoices, NumberSeries

READ, FINALIZE, VOID = "invoices:read", "invoices:finalize", "invoices:void"


@dataclass(frozen=True, slots=True)
class InvoiceRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    invoices: Invoices
    numbers: NumberSeries
    customers: Customers
    clock: Clock
    seller: Seller
    terms: Terms


async def invoice_order(order: OrderPlaced, *, room: InvoiceRoom) -> None:
    """Make and finalize the order's one invoice; hold it when the order's figures are not what its lines make."""
    async with room.unit_of_work.begin():
        if await room.invoices.find_of_order(order.order_id) is not None:
            return
        cart = compute_again(order)
        invoice = draft_of(order, cart, customer=await _customer_of(order, room), seller=room.seller)
        reason = disagreement(order, cart)
        if reason is not None:
            invoice.hold(order.totals.total, reason)
        else:
            now = room.clock.now()
            # Nothing after this waits for a lock: an invoice of the same order waits for the number first.
            invoice.finalize(await _number(now, room), now, room.terms.due_at(now))
        await room.invoices.add(invoice)


async def list_invoices(
    wanted: InvoiceFilter, page: PageRequest, *, principal: Principal, room: InvoiceRoom
) -> Page[Invoice]:
    """One's own invoices; with invoices:read everybody's."""
    if not principal.may(READ):
        wanted = replace(wanted, user_id=principal.id)
    return await room.invoices.list(wanted, page)


async def get_invoice(invoice_id: UUID, *, principal: Principal, room: InvoiceRoom) -> Invoice:
    """An invoice one may see; raises `NotFound` for others."""
    invoice = await room.invoices.get(invoice_id)
    principal.require_reach(invoice.user_id, READ, "invoice")
    return invoice


async def accept_invoice(
    invoice_id: UUID, *, expected_version: int | None, principal: Principal, room: InvoiceRoom
) -> Invoice:
    """Issue a held invoice after all, with the totals its lines make."""
    principal.require(FINALIZE)
    async with room.unit_of_work.begin():
        invoice = await room.invoices.lock(invoice_id)
        invoice.expect_version(expected_version)
        now = room.clock.now()
        invoice.accept(await _number(now, room), now, room.terms.due_at(now))
        await room.invoices.save(invoice)
    return invoice


async def void_invoice(
    invoice_id: UUID, reason: str, *, expected_version: int | None, principal: Principal, room: InvoiceRoom
) -> Invoice:
    """Take an invoice back that nobody has paid anything of."""
    principal.require(VOID)
    async with room.unit_of_work.begin():
        invoice = await room.invoices.lock(invoice_id)
        invoice.expect_version(expected_version)
        invoice.void(reason, room.clock.now())
        await room.invoices.save(invoice)
    return invoice


async def _number(now: datetime, room: InvoiceRoom) -> str:
    return await room.numbers.take(INVOICE_SERIES, room.terms.year_of(now))


async def _customer_of(order: OrderPlaced, room: InvoiceRoom) -> Customer | None:
    if order.customer_id is not None:
        return await room.customers.find(order.customer_id)
    return await room.customers.of_user(order.user_id) if order.user_id is not None else None
