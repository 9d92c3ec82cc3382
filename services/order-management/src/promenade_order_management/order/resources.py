"""Orders as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from promenade_chassis.http.resources import Resource
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.totals import CartTotals, Discount, Totals

from promenade_order_management.order.entity import (
    Cart,
    FulfillmentStatus,
    Order,
    OrderLine,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
)
from promenade_order_management.timeline.entity import Entry


class LineResource(msgspec.Struct, kw_only=True):
    """A line with what it comes to and where its units are. In a preview it has no id."""

    id: UUID | None
    sku: str
    name: str
    quantity: int
    unit_price: Money
    discount: Discount | None
    tax_rate: Rate
    gross: Money
    discount_total: Money
    net: Money
    tax: Money
    total: Money
    open: int
    allocated: int
    shipped: int
    delivered: int
    returned: int
    cancelled: int


class ShippingResource(msgspec.Struct, kw_only=True):
    """How the goods travel and what that comes to."""

    name: str
    price: Money
    tax_rate: Rate
    net: Money
    tax: Money
    total: Money


class HoldResource(msgspec.Struct, kw_only=True):
    """Why the order is held."""

    reason: str


class OrderResource(Resource, kw_only=True):
    """An order. `allowed_actions` is exactly what it accepts next; `totals` are net of tax where they do not say so."""

    number: str | None
    status: OrderStatus
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
    allowed_actions: list[str]
    on_hold: HoldResource | None
    customer_id: UUID | None
    user_id: UUID | None
    customer_name: str | None
    customer_email: Email | None
    deal_id: UUID | None
    currency: Currency
    tax_inclusive: bool
    price_source: str
    lines: list[LineResource]
    discount: Discount | None
    shipping: ShippingResource | None
    totals: Totals
    shipping_address: Address | None
    billing_address: Address | None
    note: str | None
    invoice_id: UUID | None
    invoice_number: str | None
    amount_paid: Money
    amount_refunded: Money
    placed_at: datetime | None
    payment_deadline: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None


class PreviewResource(msgspec.Struct, kw_only=True):
    """What an order would cost."""

    currency: Currency
    tax_inclusive: bool
    lines: list[LineResource]
    totals: Totals


class EntryResource(msgspec.Struct, kw_only=True):
    """One change: what, when, by whom (`actor`), because of which request or event (`cause`)."""

    id: UUID
    kind: str
    at: datetime
    actor: str | None
    cause: str
    correlation_id: str
    facts: Mapping[str, str]


def to_resource(order: Order) -> OrderResource:
    """The order as the API shows it."""
    invoice, nothing = order.invoice, Money.zero(order.currency)
    return OrderResource(
        id=order.id,
        version=order.version,
        created_at=order.created_at,
        updated_at=order.updated_at,
        number=order.number,
        status=order.status,
        payment_status=order.payment_status,
        fulfillment_status=order.fulfillment_status,
        return_status=order.return_status,
        allowed_actions=order.allowed_actions,
        on_hold=HoldResource(reason=order.hold_reason) if order.hold_reason is not None else None,
        customer_id=order.customer_id,
        user_id=order.user_id,
        customer_name=order.customer_name,
        customer_email=order.customer_email,
        deal_id=order.deal_id,
        currency=order.currency,
        tax_inclusive=order.tax_inclusive,
        price_source=order.price_source,
        lines=[to_line(line) for line in order.lines],
        discount=order.discount,
        shipping=_to_shipping(order),
        totals=order.totals,
        shipping_address=order.shipping_address,
        billing_address=order.billing_address,
        note=order.note,
        invoice_id=invoice.id if invoice else None,
        invoice_number=invoice.number if invoice else None,
        amount_paid=invoice.paid if invoice else nothing,
        amount_refunded=invoice.refunded if invoice else nothing,
        placed_at=order.placed_at,
        payment_deadline=order.payment_deadline,
        confirmed_at=order.confirmed_at,
        completed_at=order.completed_at,
    )


def to_preview(cart: Cart, priced: CartTotals) -> PreviewResource:
    """A cart as the order of it would show it."""
    lines = [OrderLine.wanted(item, totals) for item, totals in zip(cart.items, priced.lines, strict=True)]
    return PreviewResource(
        currency=cart.currency,
        tax_inclusive=cart.tax_inclusive,
        lines=[msgspec.structs.replace(to_line(line), id=None) for line in lines],
        totals=priced.totals,
    )


def to_line(line: OrderLine) -> LineResource:
    """A line as the API shows it."""
    item, totals, units = line.item, line.totals, line.units
    return LineResource(
        id=line.id,
        sku=item.sku,
        name=item.name,
        quantity=item.quantity,
        unit_price=item.unit_price,
        discount=item.discount,
        tax_rate=item.tax_rate,
        gross=totals.gross,
        discount_total=totals.discount,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
        open=units.open,
        allocated=units.allocated,
        shipped=units.shipped,
        delivered=units.delivered,
        returned=units.returned,
        cancelled=units.cancelled,
    )


def to_entry(entry: Entry) -> EntryResource:
    """A timeline entry as the API shows it."""
    return EntryResource(
        id=entry.id,
        kind=entry.kind,
        at=entry.at,
        actor=entry.actor,
        cause=entry.cause,
        correlation_id=entry.correlation_id,
        facts=entry.facts,
    )


def _to_shipping(order: Order) -> ShippingResource | None:
    shipping, totals = order.shipping, order.shipping_totals
    if shipping is None or totals is None:
        return None
    return ShippingResource(
        name=shipping.name,
        price=shipping.price,
        tax_rate=shipping.tax_rate,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
    )
