"""What order management publishes: orders and the goods on their way."""

from uuid import UUID

import msgspec

from promenade_kernel.events.registry import Event, Instant, event
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.totals import CartLine, Discount, Shipping, Totals

CONTEXT = "order-management"


class OrderedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was placed: what its totals were computed from, and what they came to.

    `discount` is the line's own; `discount_total` is that and the share of the order's discount.
    """

    line_id: UUID
    sku: str
    name: str
    quantity: int
    unit_price: Money
    tax_rate: Rate
    discount: Discount | None = None
    gross: Money
    discount_total: Money
    net: Money
    tax: Money
    total: Money

    def as_cart_line(self) -> CartLine:
        """The inputs alone, to compute the totals again."""
        return CartLine(
            quantity=self.quantity, unit_price=self.unit_price, tax_rate=self.tax_rate, discount=self.discount
        )


class OrderedShipping(msgspec.Struct, frozen=True, kw_only=True):
    """Shipping as it was placed, with what it came to."""

    name: str
    price: Money
    tax_rate: Rate
    net: Money
    tax: Money
    total: Money

    def as_shipping(self) -> Shipping:
        """The inputs alone, to compute the totals again."""
        return Shipping(name=self.name, price=self.price, tax_rate=self.tax_rate)


class ShippedLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many units of an order's line travel together."""

    line_id: UUID
    sku: str
    name: str
    quantity: int


class OrderFact(Event, frozen=True, kw_only=True):
    """What every event about an order carries: which one, and whose."""

    order_id: UUID
    customer_id: UUID | None = None
    user_id: UUID | None = None
    deal_id: UUID | None = None


@event("order.created.v1", context=CONTEXT)
class OrderCreated(OrderFact, frozen=True, kw_only=True):
    """A draft was begun."""

    currency: Currency
    total: Money


@event("order.discarded.v1", context=CONTEXT)
class OrderDiscarded(OrderFact, frozen=True, kw_only=True):
    """A draft was thrown away."""


@event("order.placed.v1", context=CONTEXT)
class OrderPlaced(OrderFact, frozen=True, kw_only=True):
    """An order is binding: prices, taxes and customer are frozen. Enough to write the whole invoice from."""

    number: str
    placed_at: Instant
    payment_deadline: Instant
    customer_name: str | None = None
    customer_email: Email | None = None
    currency: Currency
    tax_inclusive: bool
    lines: tuple[OrderedLine, ...]
    shipping: OrderedShipping | None = None
    discount: Discount | None = None
    totals: Totals
    shipping_address: Address
    billing_address: Address | None = None


@event("order.confirmed.v1", context=CONTEXT)
class OrderConfirmed(OrderFact, frozen=True, kw_only=True):
    """An order is paid and may be fulfilled."""

    number: str
    invoice_id: UUID | None = None
    currency: Currency
    total: Money
    confirmed_at: Instant


@event("order.completed.v1", context=CONTEXT)
class OrderCompleted(OrderFact, frozen=True, kw_only=True):
    """Everything that was not cancelled is delivered."""

    number: str
    currency: Currency
    total: Money
    completed_at: Instant


class FulfillmentFact(Event, frozen=True, kw_only=True):
    """What every event about a fulfillment carries."""

    fulfillment_id: UUID
    order_id: UUID
    order_number: str
    customer_id: UUID | None = None
    user_id: UUID | None = None
    lines: tuple[ShippedLine, ...]
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


@event("fulfillment.shipped.v1", context=CONTEXT)
class FulfillmentShipped(FulfillmentFact, frozen=True, kw_only=True):
    """Goods left the house."""

    shipped_at: Instant


@event("fulfillment.delivered.v1", context=CONTEXT)
class FulfillmentDelivered(FulfillmentFact, frozen=True, kw_only=True):
    """Goods arrived."""

    delivered_at: Instant
