"""The invoice of an order: made from what was placed, and held when both do not agree."""

from __future__ import annotations

from promenade_chassis.ports import PermanentError
from promenade_kernel.events.order_management import OrderedLine, OrderPlaced
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.ids import new_id
from promenade_kernel.values.money import Money
from promenade_kernel.values.totals import CartTotals, LineTotals, compute_totals

from promenade_billing.customer.entity import Customer
from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.parts import Buyer, InvoiceLine, InvoiceShipping, Seller


def compute_again(order: OrderPlaced) -> CartTotals:
    """What the order's lines make by the money rules; lines that make nothing at all are a `PermanentError`."""
    try:
        return compute_totals(
            order.currency,
            [line.as_cart_line() for line in order.lines],
            tax_inclusive=order.tax_inclusive,
            discount=order.discount,
            shipping=order.shipping.as_shipping() if order.shipping else None,
        )
    except InvalidValue as error:
        raise PermanentError(f"order {order.order_id} cannot be invoiced: {error.code}") from error


def disagreement(order: OrderPlaced, cart: CartTotals) -> str | None:
    """What of the order's figures is not what its lines make: `totals-differ`, `lines-differ` or nothing."""
    if order.totals != cart.totals:
        return "totals-differ"
    figures = [(line.gross, line.discount_total, line.net, line.tax, line.total) for line in order.lines]
    computed = [(line.gross, line.discount, line.net, line.tax, line.total) for line in cart.lines]
    return None if figures == computed else "lines-differ"


def draft_of(order: OrderPlaced, cart: CartTotals, *, customer: Customer | None, seller: Seller) -> Invoice:
    """The draft of an order's invoice, with the totals computed here."""
    nothing = Money.zero(order.currency)
    return Invoice(
        order_id=order.order_id,
        order_number=order.number,
        customer_id=order.customer_id or (customer.id if customer else None),
        user_id=order.user_id or (customer.user_id if customer else None),
        buyer=_buyer_of(order, customer),
        seller=seller,
        currency=order.currency,
        tax_inclusive=order.tax_inclusive,
        lines=tuple(_line(line, totals) for line, totals in zip(order.lines, cart.lines, strict=True)),
        shipping=_shipping(order, cart),
        totals=cart.totals,
        amount_paid=nothing,
        amount_credited=nothing,
        amount_refunded=nothing,
        amount_processing=nothing,
    )


def _buyer_of(order: OrderPlaced, customer: Customer | None) -> Buyer:
    """What the order froze comes first, then what is known of the customer."""
    return Buyer(
        name=order.customer_name or (customer.name if customer else None),
        email=order.customer_email or (customer.email if customer else None),
        address=order.billing_address or (customer.billing_address if customer else None) or order.shipping_address,
    )


def _line(line: OrderedLine, totals: LineTotals) -> InvoiceLine:
    return InvoiceLine(
        id=new_id(),
        order_line_id=line.line_id,
        sku=line.sku,
        description=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        discount=line.discount,
        tax_rate=line.tax_rate,
        gross=totals.gross,
        discount_total=totals.discount,
        net=totals.net,
        tax=totals.tax,
        total=totals.total,
    )


def _shipping(order: OrderPlaced, cart: CartTotals) -> InvoiceShipping | None:
    if order.shipping is None or cart.shipping is None:
        return None
    return InvoiceShipping(
        name=order.shipping.name,
        price=order.shipping.price,
        tax_rate=order.shipping.tax_rate,
        net=cart.shipping.net,
        tax=cart.shipping.tax,
        total=cart.shipping.total,
    )
