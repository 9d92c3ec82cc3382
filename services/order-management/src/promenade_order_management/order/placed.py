"""The event of a placed order: enough to write the whole invoice from."""

from __future__ import annotations

from datetime import datetime

from promenade_kernel.events.order_management import OrderedLine, OrderedShipping, OrderPlaced

from promenade_order_management.order.errors import OrderIncomplete
from promenade_order_management.order.line import OrderLine
from promenade_order_management.order.record import OrderRecord


def order_placed(order: OrderRecord, number: str, placed_at: datetime, payment_deadline: datetime) -> OrderPlaced:
    """The fact, with all inputs of the totals and their results; raises `OrderIncomplete` without an address."""
    if order.shipping_address is None:
        raise OrderIncomplete(missing=order.missing)
    return OrderPlaced(
        **order.owner,
        number=number,
        placed_at=placed_at,
        payment_deadline=payment_deadline,
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        currency=order.currency,
        tax_inclusive=order.tax_inclusive,
        lines=tuple(_line(line) for line in order.lines),
        shipping=_shipping(order),
        discount=order.discount,
        totals=order.totals,
        shipping_address=order.shipping_address,
        billing_address=order.billing_address,
    )


def _line(line: OrderLine) -> OrderedLine:
    item, totals = line.item, line.totals
    return OrderedLine(
        line_id=line.id,
        sku=str(item.sku),
        name=str(item.name),
        quantity=item.quantity,
        unit_price=item.unit_price,
        tax_rate=item.tax_rate,
        discount=item.discount,
        gross=totals.gross,
        discount_total=totals.discount,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
    )


def _shipping(order: OrderRecord) -> OrderedShipping | None:
    if order.shipping is None or order.shipping_totals is None:
        return None
    return OrderedShipping(
        name=order.shipping.name,
        price=order.shipping.price,
        tax_rate=order.shipping.tax_rate,
        net=order.shipping_totals.net,
        tax=order.shipping_totals.tax,
        total=order.shipping_totals.total,
    )
