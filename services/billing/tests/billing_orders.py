"""Orders as billing hears of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.order import compute_again, draft_of
from promenade_billing.invoice.parts import Seller, Terms
from promenade_kernel.events.order_management import OrderedLine, OrderedShipping, OrderPlaced
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.totals import CartLine, Discount, Shipping, compute_totals

EUR = Currency("EUR")
HOME = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")
SELLER = Seller(name="Tea House", address=HOME, email=Email("tea@example.com"), tax_id="ATU12345678")
TERMS = Terms(timezone="Europe/Vienna", payment_days=14)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def euro(amount: int) -> Money:
    return Money(amount, EUR)


def tea(price: int = 1250, quantity: int = 2, rate: str = "0.20", discount: Discount | None = None) -> CartLine:
    """A line of tea, 12.50 each unless told otherwise."""
    return CartLine(quantity=quantity, unit_price=euro(price), tax_rate=Rate(rate), discount=discount)


def order_placed(
    *lines: CartLine,
    tax_inclusive: bool = False,
    discount: Discount | None = None,
    shipping: Shipping | None = None,
    **more: Any,
) -> OrderPlaced:
    """An order of a fresh user, with the totals that its lines make; 25.00 and 20 % unless told otherwise."""
    lines = lines or (tea(),)
    currency = lines[0].unit_price.currency
    cart = compute_totals(currency, lines, tax_inclusive=tax_inclusive, discount=discount, shipping=shipping)
    freight = cart.shipping
    placed: dict[str, Any] = {
        "order_id": new_id(),
        "user_id": uuid4(),
        "number": "ORD-2026-000001",
        "placed_at": NOW,
        "payment_deadline": NOW + timedelta(days=1),
        "customer_name": "Ada Lovelace",
        "customer_email": Email("ada@example.com"),
        "shipping_address": HOME,
    }
    return OrderPlaced(
        currency=currency,
        tax_inclusive=tax_inclusive,
        discount=discount,
        shipping=OrderedShipping(
            name=shipping.name,
            price=shipping.price,
            tax_rate=shipping.tax_rate,
            net=freight.net,
            tax=freight.tax,
            total=freight.total,
        )
        if shipping and freight
        else None,
        lines=tuple(
            OrderedLine(
                line_id=new_id(),
                sku=f"TEA-{position}",
                name=f"Tea {position}",
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
            for position, (line, totals) in enumerate(zip(lines, cart.lines, strict=True))
        ),
        totals=cart.totals,
        **{**placed, **more},
    )


def miscounted(order: OrderPlaced, by: int = 1) -> OrderPlaced:
    """The order with a total that its lines do not make."""
    totals = order.totals
    wrong = msgspec.structs.replace(totals, total=totals.total + Money(by, order.currency))
    return msgspec.structs.replace(order, totals=wrong)


def draft(order: OrderPlaced | None = None) -> Invoice:
    """A draft of an order's invoice; 30.00 are due unless told otherwise."""
    order = order or order_placed()
    return draft_of(order, compute_again(order), customer=None, seller=SELLER)


def open_invoice(order: OrderPlaced | None = None, number: int = 1) -> Invoice:
    """A finalized invoice."""
    invoice = draft(order)
    invoice.finalize(f"INV-2026-{number:06d}", NOW, TERMS.due_at(NOW))
    return invoice
