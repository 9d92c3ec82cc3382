"""The ports of invoices and of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, Page, PageRequest, Sort

from promenade_billing.invoice.entity import Invoice, InvoiceStatus

INVOICE_SERIES = "INV"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """Which invoices a list shows; what is None does not matter. Times are half-open: from inclusive, to exclusive."""

    user_id: UUID | None = None
    status: InvoiceStatus | None = None
    customer_id: UUID | None = None
    order_id: UUID | None = None
    overdue: bool | None = None
    number: str | None = None
    issued_from: datetime | None = None
    issued_to: datetime | None = None


INVOICES = ListOf(
    Invoice,
    InvoiceFilter,
    Sort("created_at", datetime),
    Sort("issued_at", datetime, nullable=True),
    Sort("due_at", datetime, nullable=True),
    own="user_id",
)


class Invoices(Protocol):
    """The living invoices.

    One whose order named only the user, or only the customer, is read with both as soon as the copy of the customer
    says who belongs together.
    """

    async def add(self, invoice: Invoice) -> None:
        """Store a new invoice; raises `InvoiceExists` when its order has one."""
        ...

    async def save(self, invoice: Invoice) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def get(self, invoice_id: UUID) -> Invoice:
        """An invoice; raises `NotFound`."""
        ...

    async def lock(self, invoice_id: UUID) -> Invoice:
        """An invoice that nobody else changes until the unit of work ends; raises `NotFound`."""
        ...

    async def find_of_order(self, order_id: UUID) -> Invoice | None:
        """The invoice of an order."""
        ...

    async def list(self, wanted: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        """A page of the invoices, as `INVOICES` declares the list."""
        ...


class NumberSeries(Protocol):
    """Numbers without gaps."""

    async def take(self, series: str, year: int) -> str:
        """The next number, `INV-2026-000001`; held until the unit of work ends and given back when it fails.

        To be taken last, so that others wait for it no longer than they must.
        """
        ...
