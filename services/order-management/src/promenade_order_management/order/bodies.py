"""What requests about orders carry."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from promenade_kernel.values.address import Address
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.totals import MAXIMUM_QUANTITY, Discount, Shipping

from promenade_order_management.order.entity import MAXIMUM_LINES, Cart, Item, Label, Sku
from promenade_order_management.order.use_cases import LineChanges, NewOrder, OrderChanges

Quantity = Annotated[int, Meta(ge=1, le=MAXIMUM_QUANTITY)]
Note = Annotated[str, Meta(min_length=1, max_length=2000)]


class LineBody(msgspec.Struct, kw_only=True):
    """A line: so many of a thing, at a price and a tax rate; `discount` reduces this line alone."""

    sku: Sku
    name: Label
    quantity: Quantity
    unit_price: Money
    tax_rate: Rate
    discount: Discount | None = None

    def as_item(self) -> Item:
        """The line as the order knows it."""
        return Item(**msgspec.structs.asdict(self))


class ChangeLine(msgspec.Struct, kw_only=True):
    """What to change of a line; a null `discount` takes it away."""

    sku: Sku | UnsetType = UNSET
    name: Label | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    unit_price: Money | UnsetType = UNSET
    tax_rate: Rate | UnsetType = UNSET
    discount: Discount | None | UnsetType = UNSET

    def as_changes(self) -> LineChanges:
        """What is named."""
        return LineChanges(_named(self))


Lines = Annotated[list[LineBody], Meta(max_length=MAXIMUM_LINES)]


class ShippingBody(msgspec.Struct, kw_only=True):
    """How the goods travel and what that costs; never discounted."""

    name: Label
    price: Money
    tax_rate: Rate

    def as_shipping(self) -> Shipping:
        """The shipping as the order knows it."""
        return Shipping(name=str(self.name), price=self.price, tax_rate=self.tax_rate)


class CreateOrder(msgspec.Struct, kw_only=True):
    """An order to begin or to preview. `customer_id` is staff's to name; without it one orders for oneself."""

    currency: Currency
    customer_id: UUID | None = None
    tax_inclusive: bool = False
    lines: Lines = []
    discount: Discount | None = None
    shipping: ShippingBody | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    note: Note | None = None

    def as_cart(self) -> Cart:
        """What is priced."""
        return Cart(
            currency=self.currency,
            items=[line.as_item() for line in self.lines],
            tax_inclusive=self.tax_inclusive,
            discount=self.discount,
            shipping=self.shipping.as_shipping() if self.shipping else None,
        )

    def as_new_order(self) -> NewOrder:
        """What the draft begins with."""
        return NewOrder(
            cart=self.as_cart(),
            customer_id=self.customer_id,
            shipping_address=self.shipping_address,
            billing_address=self.billing_address,
            note=self.note,
        )


class ChangeOrder(msgspec.Struct, kw_only=True):
    """What to change of a draft; null clears. `lines` replaces all lines with new ones."""

    lines: Lines | UnsetType = UNSET
    discount: Discount | None | UnsetType = UNSET
    shipping: ShippingBody | None | UnsetType = UNSET
    shipping_address: Address | None | UnsetType = UNSET
    billing_address: Address | None | UnsetType = UNSET
    note: Note | None | UnsetType = UNSET

    def as_changes(self) -> OrderChanges:
        """What is named."""
        named = _named(self)
        lines: list[LineBody] | None = named.pop("lines", None)
        if isinstance(self.shipping, ShippingBody):
            named["shipping"] = self.shipping.as_shipping()
        return OrderChanges(items=None if lines is None else [line.as_item() for line in lines], named=named)


class Hold(msgspec.Struct, kw_only=True):
    """Why an order must wait."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)] = "Held by hand"


def _named(body: msgspec.Struct) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
