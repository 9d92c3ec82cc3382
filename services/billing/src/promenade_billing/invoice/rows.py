"""An invoice's lines and totals as rows, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from promenade_kernel.values import codec
from promenade_kernel.values.money import Currency, Money, Percent, Rate
from promenade_kernel.values.totals import Discount, TaxLine, Totals
from psycopg.types.json import Jsonb

from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.parts import InvoiceLine, InvoiceShipping

_LINE_AMOUNTS = ("unit_price", "gross", "discount_total", "net", "tax", "total")
_TOTALS = ("subtotal", "discount", "shipping", "tax", "total")


def line_rows(invoice: Invoice) -> list[dict[str, Any]]:
    """The lines, each by the names of its columns."""
    return [_line_row(invoice.id, position, line) for position, line in enumerate(invoice.lines)]


def totals_columns(invoice: Invoice) -> dict[str, Any]:
    """The totals, and the shipping they contain."""
    shipping, totals = invoice.shipping, invoice.totals
    return {
        **{name: getattr(totals, name).amount for name in _TOTALS},
        "taxes": Jsonb(codec.to_plain(totals.taxes)),
        "shipping_name": shipping.name if shipping else None,
        "shipping_price": shipping.price.amount if shipping else None,
        "shipping_tax_rate": str(shipping.tax_rate) if shipping else None,
        "shipping_tax": shipping.tax.amount if shipping else 0,
    }


def to_lines(rows: Sequence[dict[str, Any]], currency: Currency) -> tuple[InvoiceLine, ...]:
    """The lines of their rows, in order."""
    return tuple(_to_line(row, currency) for row in rows)


def to_shipping(row: dict[str, Any], currency: Currency) -> InvoiceShipping | None:
    """The shipping of an invoice's row."""
    if row["shipping_name"] is None:
        return None
    net, tax = Money(row["shipping"], currency), Money(row["shipping_tax"], currency)
    return InvoiceShipping(
        name=row["shipping_name"],
        price=Money(row["shipping_price"], currency),
        tax_rate=Rate.trusted(row["shipping_tax_rate"]),
        net=net,
        tax=tax,
        total=net + tax,
    )


def to_totals(row: dict[str, Any], currency: Currency) -> Totals:
    """The totals of an invoice's row."""
    amounts = {name: Money(row[name], currency) for name in _TOTALS}
    return Totals(taxes=codec.convert(row["taxes"], tuple[TaxLine, ...]), **amounts)


def _line_row(invoice_id: UUID, position: int, line: InvoiceLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "invoice_id": str(invoice_id),
        "position": position,
        "order_line_id": str(line.order_line_id) if line.order_line_id else None,
        "sku": line.sku,
        "description": line.description,
        "quantity": line.quantity,
        "tax_rate": str(line.tax_rate),
        **_discount_columns(line.discount),
        **{name: getattr(line, name).amount for name in _LINE_AMOUNTS},
    }


def _discount_columns(discount: Discount | None) -> dict[str, Any]:
    amount = discount.amount if discount is not None else None
    percent = discount.percent if discount is not None else None
    return {
        "discount_amount": amount.amount if amount is not None else None,
        "discount_percent": str(percent) if percent is not None else None,
    }


def _to_line(row: dict[str, Any], currency: Currency) -> InvoiceLine:
    return InvoiceLine(
        id=UUID(row["id"]),
        order_line_id=UUID(row["order_line_id"]) if row["order_line_id"] else None,
        sku=row["sku"],
        description=row["description"],
        quantity=row["quantity"],
        tax_rate=Rate.trusted(row["tax_rate"]),
        discount=_to_discount(row, currency),
        **{name: Money(row[name], currency) for name in _LINE_AMOUNTS},
    )


def _to_discount(row: dict[str, Any], currency: Currency) -> Discount | None:
    if row["discount_amount"] is not None:
        return Discount(amount=Money(row["discount_amount"], currency))
    return Discount(percent=Percent.trusted(row["discount_percent"])) if row["discount_percent"] is not None else None
