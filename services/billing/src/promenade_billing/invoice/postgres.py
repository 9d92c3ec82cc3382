"""Invoices and their numbers in PostgreSQL."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row, refusing_duplicates
from promenade_kernel.values import codec
from promenade_kernel.values.money import Currency, Money
from psycopg.types.json import Jsonb

from promenade_billing.invoice.entity import Invoice, InvoiceExists, InvoiceStatus
from promenade_billing.invoice.parts import Buyer, Seller
from promenade_billing.invoice.repository import INVOICES, InvoiceFilter
from promenade_billing.invoice.rows import line_rows, to_lines, to_shipping, to_totals, totals_columns

# The one place that leaves deleted invoices out, and that completes what the order did not say of the customer.
_LIVING = """
SELECT invoice.*,
    COALESCE(invoice.customer_id, (
        SELECT id FROM customer WHERE user_id = invoice.user_id AND status <> 'deleted' ORDER BY id LIMIT 1
    )) AS known_customer_id,
    COALESCE(invoice.user_id, (SELECT user_id FROM customer WHERE id = invoice.customer_id)) AS known_user_id,
    ARRAY(
        SELECT to_jsonb(invoice_line) FROM invoice_line WHERE invoice_id = invoice.id ORDER BY position
    ) AS lines
FROM invoice WHERE deleted_at IS NULL
"""
_GET = _LIVING + " AND id = %(id)s"
_LOCK = _GET + " FOR UPDATE OF invoice"
_OF_ORDER = _LIVING + " AND order_id = %(order_id)s"
LIST = ListStatement(
    INVOICES,
    select=_LIVING,
    where={
        "user_id": """(user_id = %(user_id)s OR (
            user_id IS NULL AND customer_id IN (SELECT id FROM customer WHERE user_id = %(user_id)s)))""",
        "status": "status = %(status)s",
        "customer_id": """(customer_id = %(customer_id)s OR (
            customer_id IS NULL AND user_id = (SELECT user_id FROM customer WHERE id = %(customer_id)s)))""",
        "order_id": "order_id = %(order_id)s",
        "overdue": "overdue = %(overdue)s",
        "number": "number = %(number)s",
        "issued_from": "issued_at >= %(issued_from)s",
        "issued_to": "issued_at < %(issued_to)s",
    },
    sorts={"created_at": "created_at", "issued_at": "issued_at", "due_at": "due_at"},
)
_INSERT = """
WITH written AS (
    INSERT INTO invoice_line
    SELECT * FROM jsonb_populate_recordset(NULL::invoice_line, %(lines)s)
)
INSERT INTO invoice (
    id, number, status, order_id, order_number, customer_id, user_id, buyer, seller, currency, tax_inclusive,
    shipping_name, shipping_price, shipping_tax_rate, shipping_tax, subtotal, discount, shipping, tax, total, taxes,
    issued_at, due_at, paid_at, voided_at, void_reason, overdue, amount_paid, amount_credited, amount_refunded,
    amount_due, amount_processing, facts_told, version, last_sequence, created_at, updated_at)
VALUES (
    %(id)s, %(number)s, %(status)s, %(order_id)s, %(order_number)s, %(customer_id)s, %(user_id)s, %(buyer)s,
    %(seller)s, %(currency)s, %(tax_inclusive)s, %(shipping_name)s, %(shipping_price)s, %(shipping_tax_rate)s,
    %(shipping_tax)s, %(subtotal)s, %(discount)s, %(shipping)s, %(tax)s, %(total)s, %(taxes)s, %(issued_at)s,
    %(due_at)s, %(paid_at)s, %(voided_at)s, %(void_reason)s, %(overdue)s, %(amount_paid)s, %(amount_credited)s,
    %(amount_refunded)s, %(amount_due)s, %(amount_processing)s, %(facts_told)s, %(version)s, %(last_sequence)s,
    %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE invoice
SET number = %(number)s, status = %(status)s, customer_id = %(customer_id)s, user_id = %(user_id)s,
    issued_at = %(issued_at)s, due_at = %(due_at)s, paid_at = %(paid_at)s, voided_at = %(voided_at)s,
    void_reason = %(void_reason)s, overdue = %(overdue)s, amount_paid = %(amount_paid)s,
    amount_credited = %(amount_credited)s, amount_refunded = %(amount_refunded)s, amount_due = %(amount_due)s,
    amount_processing = %(amount_processing)s, facts_told = %(facts_told)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_TAKE_NUMBER = """
INSERT INTO number_series (series, year, last) VALUES (%(series)s, %(year)s, 1)
ON CONFLICT (series, year) DO UPDATE SET last = number_series.last + 1
RETURNING last
"""


class PostgresInvoices(BaseRepository):
    """The invoices of the service's own database."""

    async def add(self, invoice: Invoice) -> None:
        """Store a new invoice; raises `InvoiceExists` when its order has one."""
        named = {**_frozen_columns(invoice), **_columns(invoice)}
        with refusing_duplicates("invoice_of_order", InvoiceExists()):
            await self._insert(invoice, _INSERT, lines=Jsonb(line_rows(invoice)), **named)

    async def save(self, invoice: Invoice) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(invoice, _UPDATE, **_columns(invoice))

    async def get(self, invoice_id: UUID) -> Invoice:
        """An invoice; raises `NotFound`."""
        return _found(await self._fetch_one(_GET, id=invoice_id))

    async def lock(self, invoice_id: UUID) -> Invoice:
        """An invoice that nobody else changes until the unit of work ends; raises `NotFound`."""
        return _found(await self._write_one(_LOCK, id=invoice_id))

    async def find_of_order(self, order_id: UUID) -> Invoice | None:
        """The invoice of an order."""
        row = await self._fetch_one(_OF_ORDER, order_id=order_id)
        return _to_invoice(row) if row else None

    async def list(self, wanted: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        """A page of the invoices, as `INVOICES` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return INVOICES.cut([_to_invoice(row) for row in rows], page)


class PostgresNumberSeries(BaseRepository):
    """A row a series and year; its lock is what makes the numbers gapless."""

    async def take(self, series: str, year: int) -> str:
        """The next number, `INV-2026-000001`; held until the unit of work ends and given back when it fails."""
        row = await self._write_one(_TAKE_NUMBER, series=series, year=year)
        if row is None:
            raise AssertionError("a series has a next number")
        return f"{series}-{year}-{row['last']:06d}"


def _frozen_columns(invoice: Invoice) -> Row:
    """What never changes after the insert."""
    return {
        "order_id": invoice.order_id,
        "order_number": invoice.order_number,
        "buyer": Jsonb(codec.to_plain(invoice.buyer)),
        "seller": Jsonb(codec.to_plain(invoice.seller)),
        "currency": str(invoice.currency),
        "tax_inclusive": invoice.tax_inclusive,
        **totals_columns(invoice),
    }


def _columns(invoice: Invoice) -> Row:
    return {
        "number": invoice.number,
        "status": invoice.status,
        "customer_id": invoice.customer_id,
        "user_id": invoice.user_id,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
        "voided_at": invoice.voided_at,
        "void_reason": invoice.void_reason,
        "overdue": invoice.overdue,
        "amount_paid": invoice.amount_paid.amount,
        "amount_credited": invoice.amount_credited.amount,
        "amount_refunded": invoice.amount_refunded.amount,
        "amount_due": invoice.amount_due.amount,
        "amount_processing": invoice.amount_processing.amount,
        "facts_told": invoice.facts_told,
    }


def _found(row: Row | None) -> Invoice:
    if row is None:
        raise NotFound("There is no such invoice")
    return _to_invoice(row)


def _to_invoice(row: Row) -> Invoice:
    currency = Currency.trusted(row["currency"])
    copied: dict[str, Any] = {name: row[name] for name in _COPIED}
    amounts = {name: Money(row[name], currency) for name in _AMOUNTS}
    return Invoice(
        status=InvoiceStatus(row["status"]),
        customer_id=row["known_customer_id"],
        user_id=row["known_user_id"],
        buyer=codec.convert(row["buyer"], Buyer),
        seller=codec.convert(row["seller"], Seller),
        currency=currency,
        lines=to_lines(row["lines"], currency),
        shipping=to_shipping(row, currency),
        totals=to_totals(row, currency),
        **amounts,
        **copied,
    )


_COPIED = (
    *("id", "number", "order_id", "order_number", "tax_inclusive", "overdue", "facts_told"),
    *("issued_at", "due_at", "paid_at", "voided_at", "void_reason"),
    *("version", "last_sequence", "created_at", "updated_at", "deleted_at"),
)
_AMOUNTS = ("amount_paid", "amount_credited", "amount_refunded", "amount_processing")
