"""Orders as entities, in every state, for tests without any adapter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_order_management.customer.entity import Customer
from promenade_order_management.order.entity import Cart, InvoiceCopy, Item, Label, Order, OrderStatus, Sku

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
DAY = timedelta(hours=24)
EUR = Currency("EUR")
ADDRESS = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")


def item(**more: Any) -> Item:
    """Two packets of tea at 12.50 and 20 %."""
    usual: dict[str, Any] = {
        "sku": Sku("TEA-1"),
        "name": Label("Tea"),
        "quantity": 2,
        "unit_price": Money(1250, EUR),
        "tax_rate": Rate("0.20"),
    }
    return Item(**{**usual, **more})


def cart(*items: Item, **more: Any) -> Cart:
    """A cart of two lines, unless others are given."""
    return Cart(currency=EUR, items=items or (item(), item(sku=Sku("CUP-1"), quantity=3)), **more)


def customer(user_id: UUID | None = None, **more: Any) -> Customer:
    """A customer, as customer management told of him."""
    usual: dict[str, Any] = {
        "id": uuid4(),
        "sequence": 1,
        "name": "Ada",
        "status": "active",
        "email": Email("ada@example.com"),
        "user_id": user_id,
    }
    return Customer(**{**usual, **more})


def draft(*items: Item, user_id: UUID | None = None, buyer: Customer | None = None) -> Order:
    """An order that can be placed, as it comes from the store."""
    order = Order.begin(cart(*items), NOW, user_id=user_id or uuid4(), customer=buyer)
    order.set_details(shipping_address=ADDRESS, billing_address=None, note=None, now=NOW)
    return loaded(order)


def placed(*items: Item) -> Order:
    """An order that waits for its money."""
    order = draft(*items)
    order.place(7, NOW, customer=None, pay_within=DAY)
    return loaded(order)


def invoice(order: Order, *, paid: int | None = None, refunded: int = 0, sequence: int = 5) -> InvoiceCopy:
    """The invoice of an order, paid in full unless told otherwise."""
    total = order.totals.total
    money = total.amount if paid is None else paid
    return InvoiceCopy(
        id=order.invoice.id if order.invoice else uuid4(),
        sequence=sequence,
        number="INV-1",
        paid=Money(money, total.currency),
        refunded=Money(refunded, total.currency),
        due=Money(max(0, total.amount - money), total.currency),
    )


def confirmed(*items: Item) -> Order:
    """An order that is paid."""
    order = placed(*items)
    order.take_over(invoice(order), "invoice.paid", NOW)
    order.confirm(NOW)
    return loaded(order)


def in_state(status: OrderStatus) -> Order:
    """An order of this status; those that no command leads to yet are set by hand."""
    makers = {OrderStatus.DRAFT: draft, OrderStatus.PLACED: placed, OrderStatus.CONFIRMED: confirmed}
    order = makers[status]() if status in makers else confirmed()
    order.status = status
    return order


def loaded(order: Order) -> Order:
    """The order as if it had been saved: nothing pending."""
    order.mark_saved(version=order.version + 1, last_sequence=order.last_sequence, updated_at=NOW)
    order.take_notes()
    return order
