"""Routes of invoices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import own, permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    Resource,
    command,
    shown,
)
from promenade_kernel.values.money import Currency, Money
from promenade_kernel.values.totals import Totals

from promenade_billing.invoice import use_cases
from promenade_billing.invoice.entity import Invoice, InvoiceStatus
from promenade_billing.invoice.parts import Buyer, InvoiceLine, InvoiceShipping, Seller
from promenade_billing.invoice.repository import INVOICES, InvoiceFilter
from promenade_billing.invoice.use_cases import InvoiceRoom

READ = own("invoices:read")
FINALIZE, VOID = permission("invoices:finalize"), permission("invoices:void")
Room = NamedDependency[InvoiceRoom]


class Void(msgspec.Struct):
    """Why an invoice is taken back."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class InvoiceResource(Resource, kw_only=True):
    """An invoice; `number`, `issued_at` and `due_at` from finalizing on.

    `amount_processing` is the part of `amount_due` that payments under way will bring.
    """

    number: str | None
    status: InvoiceStatus
    allowed_actions: list[str]
    order_id: UUID | None
    order_number: str | None
    customer_id: UUID | None
    user_id: UUID | None
    customer: Buyer
    seller: Seller
    currency: Currency
    tax_inclusive: bool
    lines: tuple[InvoiceLine, ...]
    shipping: InvoiceShipping | None
    totals: Totals
    total: Money
    amount_paid: Money
    amount_credited: Money
    amount_refunded: Money
    amount_due: Money
    amount_processing: Money
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    void_reason: str | None
    overdue: bool


_SAME = tuple(field.name for field in msgspec.structs.fields(InvoiceResource) if field.name != "customer")


Answer = Response[InvoiceResource]


def to_resource(invoice: Invoice) -> InvoiceResource:
    """The invoice as the API shows it."""
    return InvoiceResource(customer=invoice.buyer, **{name: getattr(invoice, name) for name in _SAME})


class InvoiceController(Controller):
    """/invoices"""

    path = "/invoices"
    tags = ("invoices",)

    @listing("/", INVOICES, access=READ, operation_id="list_invoices", summary="List invoices")
    async def list(
        self, asked: Asked[InvoiceFilter], principal: Caller, invoice_room: Room
    ) -> Response[Listing[InvoiceResource]]:
        """One's own invoices, newest first; staff see everybody's. `issued_to` itself is not included."""
        found = await use_cases.list_invoices(asked.wanted, asked.page, principal=principal, room=invoice_room)
        return listed(asked, found.map(to_resource))

    @get("/{invoice_id:uuid}", access=READ, operation_id="get_invoice", summary="Read an invoice")
    async def read(self, invoice_id: PathId, principal: Caller, invoice_room: Room) -> Answer:
        """The invoice with its ETag."""
        return shown(to_resource(await use_cases.get_invoice(invoice_id, principal=principal, room=invoice_room)))

    @command(
        "/{invoice_id:uuid}/accept", access=FINALIZE, operation_id="accept_invoice", summary="Accept a held invoice"
    )
    async def accept(
        self, invoice_id: PathId, expected_version: ExpectedVersion, principal: Caller, invoice_room: Room
    ) -> Answer:
        """Issues an invoice that was held because its order's figures were not what its lines make."""
        invoice = await use_cases.accept_invoice(
            invoice_id, expected_version=expected_version, principal=principal, room=invoice_room
        )
        return shown(to_resource(invoice))

    @command("/{invoice_id:uuid}/void", access=VOID, operation_id="void_invoice", summary="Void an invoice")
    async def void(
        self,
        invoice_id: PathId,
        data: JSONBody[Void],
        expected_version: ExpectedVersion,
        principal: Caller,
        invoice_room: Room,
    ) -> Answer:
        """Takes an invoice back that nothing was paid of."""
        invoice = await use_cases.void_invoice(
            invoice_id, data.reason, expected_version=expected_version, principal=principal, room=invoice_room
        )
        return shown(to_resource(invoice))
