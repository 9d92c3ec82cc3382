"""Samples of order management's events."""

from uuid import UUID

from promenade_kernel.events import order_management as events
from promenade_kernel.events.registry import Event
from promenade_kernel.events.samples.story import (
    CART,
    CUSTOMER,
    DEAL,
    DISCOUNT,
    EMAIL,
    EUR,
    FULFILLMENT,
    HOME,
    INVOICE,
    NAME,
    OFFICE,
    ORDER,
    ORDER_NUMBER,
    POT,
    POT_LINE,
    SHIPPING,
    TEA,
    TEA_LINE,
    TOTAL,
    USER,
    moment,
)
from promenade_kernel.values.totals import CartLine, LineTotals

_CARRIER, _TRACKING = "DHL", "JD014600003"
_TRACKING_URL = "https://carrier.example/JD014600003"


def _line(line_id: UUID, sku: str, name: str, line: CartLine, totals: LineTotals) -> events.OrderedLine:
    return events.OrderedLine(
        line_id=line_id,
        sku=sku,
        name=name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        tax_rate=line.tax_rate,
        discount=line.discount,
        gross=totals.gross,
        discount_total=totals.discount,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
    )


def _shipping() -> events.OrderedShipping:
    totals = CART.shipping
    if totals is None:
        raise AssertionError("the story's cart is shipped")
    return events.OrderedShipping(
        name=SHIPPING.name,
        price=SHIPPING.price,
        tax_rate=SHIPPING.tax_rate,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
    )


_PARCEL = (
    events.ShippedLine(line_id=TEA, sku="TEA-1", name="Tea", quantity=2),
    events.ShippedLine(line_id=POT, sku="POT-1", name="Tea pot", quantity=1),
)

SAMPLES: tuple[Event, ...] = (
    events.OrderCreated(order_id=ORDER, customer_id=CUSTOMER, user_id=USER, deal_id=DEAL, currency=EUR, total=TOTAL),
    events.OrderDiscarded(order_id=ORDER, customer_id=CUSTOMER, user_id=USER, deal_id=DEAL),
    events.OrderPlaced(
        order_id=ORDER,
        customer_id=CUSTOMER,
        user_id=USER,
        deal_id=DEAL,
        number=ORDER_NUMBER,
        placed_at=moment(5, 9),
        payment_deadline=moment(6, 9),
        customer_name=NAME,
        customer_email=EMAIL,
        currency=EUR,
        tax_inclusive=False,
        lines=(
            _line(TEA, "TEA-1", "Tea", TEA_LINE, CART.lines[0]),
            _line(POT, "POT-1", "Tea pot", POT_LINE, CART.lines[1]),
        ),
        shipping=_shipping(),
        discount=DISCOUNT,
        totals=CART.totals,
        shipping_address=HOME,
        billing_address=OFFICE,
    ),
    events.OrderConfirmed(
        order_id=ORDER,
        customer_id=CUSTOMER,
        user_id=USER,
        deal_id=DEAL,
        number=ORDER_NUMBER,
        invoice_id=INVOICE,
        currency=EUR,
        total=TOTAL,
        confirmed_at=moment(5, 10),
    ),
    events.OrderCompleted(
        order_id=ORDER,
        customer_id=CUSTOMER,
        user_id=USER,
        deal_id=DEAL,
        number=ORDER_NUMBER,
        currency=EUR,
        total=TOTAL,
        completed_at=moment(8, 16),
    ),
    events.FulfillmentShipped(
        fulfillment_id=FULFILLMENT,
        order_id=ORDER,
        order_number=ORDER_NUMBER,
        customer_id=CUSTOMER,
        user_id=USER,
        lines=_PARCEL,
        carrier=_CARRIER,
        tracking_number=_TRACKING,
        tracking_url=_TRACKING_URL,
        shipped_at=moment(6, 14),
    ),
    events.FulfillmentDelivered(
        fulfillment_id=FULFILLMENT,
        order_id=ORDER,
        order_number=ORDER_NUMBER,
        customer_id=CUSTOMER,
        user_id=USER,
        lines=_PARCEL,
        carrier=_CARRIER,
        tracking_number=_TRACKING,
        tracking_url=_TRACKING_URL,
        delivered_at=moment(8, 15),
    ),
)
