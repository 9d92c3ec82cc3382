"""Where an order can stand and what moves it: the one table that code, `allowed_actions` and tests read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from promenade_chassis.ports import StateMachine
from promenade_kernel.values.money import Money

from promenade_order_management.order.invoice import InvoiceCopy
from promenade_order_management.order.line import OrderLine


class OrderStatus(StrEnum):
    """The life of an order."""

    DRAFT = "draft"
    DISCARDED = "discarded"
    PLACED = "placed"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    COMPLETED = "completed"


class PaymentStatus(StrEnum):
    """What is paid of the total and was given back, by the amounts billing told."""

    UNPAID = "unpaid"
    PARTIALLY_PAID = "partially-paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    PARTIALLY_REFUNDED = "partially-refunded"
    REFUNDED = "refunded"


class FulfillmentStatus(StrEnum):
    """How far the units that were not cancelled have come."""

    NONE = "none"
    PARTIAL = "partial"
    FULFILLED = "fulfilled"
    PARTIALLY_SHIPPED = "partially-shipped"
    SHIPPED = "shipped"
    PARTIALLY_DELIVERED = "partially-delivered"
    DELIVERED = "delivered"


class ReturnStatus(StrEnum):
    """Whether units came back."""

    NONE = "none"


# In the table, but no route gives them yet: they need billing's settlements.
NOT_OFFERED = frozenset({"cancel", "cancel-remainder"})

ORDER_LIFE = StateMachine(
    table={
        "change": {OrderStatus.DRAFT: OrderStatus.DRAFT},
        "discard": {OrderStatus.DRAFT: OrderStatus.DISCARDED},
        "place": {OrderStatus.DRAFT: OrderStatus.PLACED},
        "confirm": {OrderStatus.PLACED: OrderStatus.CONFIRMED},
        "expire": {OrderStatus.PLACED: OrderStatus.EXPIRED},
        "fulfill": {OrderStatus.CONFIRMED: OrderStatus.CONFIRMED},
        "cancel": {OrderStatus.PLACED: OrderStatus.CANCELLING, OrderStatus.CONFIRMED: OrderStatus.CANCELLING},
        "settle": {OrderStatus.CANCELLING: OrderStatus.CANCELLED},
        "cancel-remainder": {OrderStatus.CONFIRMED: OrderStatus.CONFIRMED},
        "complete": {OrderStatus.CONFIRMED: OrderStatus.COMPLETED},
        "hold": {OrderStatus.PLACED: OrderStatus.PLACED, OrderStatus.CONFIRMED: OrderStatus.CONFIRMED},
        "release": {OrderStatus.PLACED: OrderStatus.PLACED, OrderStatus.CONFIRMED: OrderStatus.CONFIRMED},
    },
    internal=frozenset({"confirm", "expire", "settle", "complete"}) | NOT_OFFERED,
)


def payment_status_of(total: Money, invoice: InvoiceCopy | None) -> PaymentStatus:
    """What billing's amounts make of the total."""
    if invoice is None or (invoice.paid.amount == 0 and total.amount > 0):
        return PaymentStatus.UNPAID
    if invoice.refunded.amount > 0:
        all_back = invoice.refunded >= invoice.paid
        return PaymentStatus.REFUNDED if all_back else PaymentStatus.PARTIALLY_REFUNDED
    if invoice.paid < total:
        return PaymentStatus.PARTIALLY_PAID
    return PaymentStatus.OVERPAID if invoice.paid > total else PaymentStatus.PAID


def fulfillment_status_of(lines: Sequence[OrderLine]) -> FulfillmentStatus:
    """How far all units that were not cancelled have come; the furthest step that any of them took counts."""
    wanted = sum(line.item.quantity - line.units.cancelled for line in lines)
    shipped = sum(line.units.shipped for line in lines)
    delivered = sum(line.units.delivered for line in lines)
    assigned = shipped + sum(line.units.allocated for line in lines)
    if delivered:
        return FulfillmentStatus.DELIVERED if delivered == wanted else FulfillmentStatus.PARTIALLY_DELIVERED
    if shipped:
        return FulfillmentStatus.SHIPPED if shipped == wanted else FulfillmentStatus.PARTIALLY_SHIPPED
    if assigned:
        return FulfillmentStatus.FULFILLED if assigned == wanted else FulfillmentStatus.PARTIAL
    return FulfillmentStatus.NONE
