"""Orders and their lines as database rows, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from promenade_chassis.repository import Row
from promenade_kernel.values import codec
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.totals import Discount, LineTotals, NetTotals, Shipping, TaxLine, Totals
from psycopg.types.json import Jsonb

from promenade_order_management.order.entity import InvoiceCopy, Item, Label, Order, OrderLine, OrderStatus, Sku, Units

T = TypeVar("T")


def order_columns(order: Order) -> Row:
    """What the statements of an order's row are given; the two statuses are derived anew each time."""
    totals, shipping = order.totals, order.shipping_totals
    return {
        "number": order.number,
        "status": order.status,
        "user_id": order.user_id,
        "customer_id": order.customer_id,
        "customer_name": order.customer_name,
        "customer_email": str(order.customer_email) if order.customer_email is not None else None,
        "deal_id": order.deal_id,
        "currency": str(order.currency),
        "tax_inclusive": order.tax_inclusive,
        "price_source": order.price_source,
        "discount": _json(order.discount),
        "shipping": _json(order.shipping),
        "subtotal": totals.subtotal.amount,
        "discount_total": totals.discount.amount,
        "lines_net": sum(line.totals.net.amount for line in order.lines),
        "lines_tax": sum(line.totals.tax.amount for line in order.lines),
        "shipping_net": totals.shipping.amount,
        "shipping_tax": shipping.tax.amount if shipping else 0,
        "tax": totals.tax.amount,
        "total": totals.total.amount,
        "taxes": _json(totals.taxes),
        "shipping_address": _json(order.shipping_address),
        "billing_address": _json(order.billing_address),
        "note": order.note,
        "hold_reason": order.hold_reason,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "placed_at": order.placed_at,
        "payment_deadline": order.payment_deadline,
        "confirmed_at": order.confirmed_at,
        "completed_at": order.completed_at,
        **_invoice_columns(order.invoice),
    }


def line_to_plain(line: OrderLine, position: int) -> Row:
    """A line as JSON."""
    item, totals, units = line.item, line.totals, line.units
    return {
        "id": str(line.id),
        "position": position,
        "sku": str(item.sku),
        "name": str(item.name),
        "quantity": item.quantity,
        "unit_price": item.unit_price.amount,
        "tax_rate": str(item.tax_rate),
        "discount": codec.to_plain(item.discount),
        "gross": totals.gross.amount,
        "discount_total": totals.discount.amount,
        "order_discount": totals.order_discount.amount,
        "net": totals.net.amount,
        "tax": totals.tax.amount,
        "total": totals.total.amount,
        "open": units.open,
        "allocated": units.allocated,
        "shipped": units.shipped,
        "delivered": units.delivered,
        "returned": units.returned,
        "cancelled": units.cancelled,
    }


def to_order(row: Row, line_rows: Sequence[Row]) -> Order:
    """The order of a row and its lines."""
    currency = Currency.trusted(row["currency"])
    lines = tuple(_to_line(line, currency) for line in line_rows)
    shipping = _value(row["shipping"], Shipping)
    return Order(
        id=row["id"],
        version=row["version"],
        last_sequence=row["last_sequence"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        currency=currency,
        tax_inclusive=row["tax_inclusive"],
        totals=_totals(row, currency),
        user_id=row["user_id"],
        customer_id=row["customer_id"],
        customer_user_id=row["customer_user_id"],
        customer_name=row["customer_name"],
        customer_email=Email.trusted(row["customer_email"]) if row["customer_email"] is not None else None,
        deal_id=row["deal_id"],
        status=OrderStatus(row["status"]),
        number=row["number"],
        price_source=row["price_source"],
        lines=lines,
        discount=_value(row["discount"], Discount),
        shipping=shipping,
        shipping_totals=_net_totals(row, currency) if shipping is not None else None,
        shipping_address=_value(row["shipping_address"], Address),
        billing_address=_value(row["billing_address"], Address),
        note=row["note"],
        hold_reason=row["hold_reason"],
        invoice=_to_invoice(row, currency),
        placed_at=row["placed_at"],
        payment_deadline=row["payment_deadline"],
        confirmed_at=row["confirmed_at"],
        completed_at=row["completed_at"],
        stored_lines=lines,
    )


def _to_line(row: Row, currency: Currency) -> OrderLine:
    line_id = row["id"]
    return OrderLine(
        id=line_id if isinstance(line_id, UUID) else UUID(line_id),  # a row, or a row as JSON
        item=Item(
            sku=Sku.trusted(row["sku"]),
            name=Label.trusted(row["name"]),
            quantity=row["quantity"],
            unit_price=Money(row["unit_price"], currency),
            tax_rate=Rate.trusted(row["tax_rate"]),
            discount=_value(row["discount"], Discount),
        ),
        totals=LineTotals(
            gross=Money(row["gross"], currency),
            discount=Money(row["discount_total"], currency),
            order_discount=Money(row["order_discount"], currency),
            net=Money(row["net"], currency),
            tax=Money(row["tax"], currency),
            total=Money(row["total"], currency),
        ),
        units=Units(
            open=row["open"],
            allocated=row["allocated"],
            shipped=row["shipped"],
            delivered=row["delivered"],
            returned=row["returned"],
            cancelled=row["cancelled"],
        ),
    )


def _totals(row: Row, currency: Currency) -> Totals:
    return Totals(
        subtotal=Money(row["subtotal"], currency),
        discount=Money(row["discount_total"], currency),
        shipping=Money(row["shipping_net"], currency),
        tax=Money(row["tax"], currency),
        total=Money(row["total"], currency),
        taxes=codec.convert(row["taxes"], tuple[TaxLine, ...]),
    )


def _net_totals(row: Row, currency: Currency) -> NetTotals:
    net, tax = Money(row["shipping_net"], currency), Money(row["shipping_tax"], currency)
    return NetTotals(net=net, tax=tax, total=net + tax)


def _invoice_columns(invoice: InvoiceCopy | None) -> Row:
    return {
        "invoice_id": invoice.id if invoice else None,
        "invoice_number": invoice.number if invoice else None,
        "invoice_sequence": invoice.sequence if invoice else None,
        "amount_paid": invoice.paid.amount if invoice else None,
        "amount_refunded": invoice.refunded.amount if invoice else None,
        "amount_due": invoice.due.amount if invoice else None,
    }


def _to_invoice(row: Row, currency: Currency) -> InvoiceCopy | None:
    if row["invoice_id"] is None:
        return None
    return InvoiceCopy(
        id=row["invoice_id"],
        number=row["invoice_number"],
        sequence=row["invoice_sequence"],
        paid=Money(row["amount_paid"], currency),
        refunded=Money(row["amount_refunded"], currency),
        due=Money(row["amount_due"], currency),
    )


def _json(value: Any) -> Jsonb | None:
    return Jsonb(codec.to_plain(value)) if value is not None else None


def _value(plain: Any, kind: type[T]) -> T | None:
    return codec.convert(plain, kind) if plain is not None else None
