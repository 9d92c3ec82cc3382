"""The lines of an order: what they cost, and where their units are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar
from uuid import UUID

from promenade_chassis.ports import Fault, Invalid, invalid_field
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.ids import new_id
from promenade_kernel.values.money import Currency, Money, Rate
from promenade_kernel.values.text import TextValue, one_line
from promenade_kernel.values.totals import CartLine, CartTotals, Discount, LineTotals, Shipping, compute_totals

MAXIMUM_LINES = 500


class Sku(TextValue):
    """What a thing is called in the warehouse: one line of up to 64 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 64, "examples": ["TEA-1"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=64)


class Label(TextValue):
    """What a line or a way of shipping is called on paper: one line of up to 200 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["Tea"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What is wanted: all that the totals of a line are computed from, and what it is called."""

    sku: Sku
    name: Label
    quantity: int
    unit_price: Money
    tax_rate: Rate
    discount: Discount | None = None

    def as_cart_line(self) -> CartLine:
        """The part that costs."""
        return CartLine(
            quantity=self.quantity, unit_price=self.unit_price, tax_rate=self.tax_rate, discount=self.discount
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Where the units of a line are. `shipped` counts those that left, `delivered` and `returned` are among them."""

    open: int = 0
    allocated: int = 0
    shipped: int = 0
    delivered: int = 0
    returned: int = 0
    cancelled: int = 0

    def __post_init__(self) -> None:
        counts = (self.open, self.allocated, self.shipped, self.delivered, self.returned, self.cancelled)
        if min(counts) < 0 or self.delivered > self.shipped or self.returned > self.delivered:
            raise AssertionError(f"no line can have such units: {self}")

    @property
    def total(self) -> int:
        """All of them: always the quantity that was ordered."""
        return self.open + self.allocated + self.shipped + self.cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line. Its units always make its quantity."""

    item: Item
    totals: LineTotals
    units: Units
    id: UUID = field(default_factory=new_id)

    @classmethod
    def wanted(cls, item: Item, totals: LineTotals, line_id: UUID | None = None) -> OrderLine:
        """A line of a draft: all of its units are open."""
        return cls(item=item, totals=totals, units=Units(open=item.quantity), id=line_id or new_id())

    def __post_init__(self) -> None:
        if self.units.total != self.item.quantity:
            raise AssertionError("the units of a line do not make its quantity")

    def with_units(self, **changes: int) -> OrderLine:
        """The line after so many units went (negative) or came (positive): `open=-2, allocated=2`."""
        moved = {name: getattr(self.units, name) + count for name, count in changes.items()}
        return replace(self, units=replace(self.units, **moved))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cart:
    """What an order, or a preview of one, is priced from."""

    currency: Currency
    items: Sequence[Item] = ()
    tax_inclusive: bool = False
    discount: Discount | None = None
    shipping: Shipping | None = None

    def price(self) -> CartTotals:
        """What it costs by the money rules; raises `Invalid` naming every fault of every line."""
        if len(self.items) > MAXIMUM_LINES:
            raise invalid_field("/lines", "too-many-lines", f"An order has at most {MAXIMUM_LINES} lines")
        try:
            return self._compute(self.items, self.discount, self.shipping)
        except InvalidValue as fault:
            raise Invalid([*self._faults_by_part()] or [_fault(fault)]) from fault

    def _compute(
        self, items: Sequence[Item], discount: Discount | None = None, shipping: Shipping | None = None
    ) -> CartTotals:
        return compute_totals(
            self.currency,
            [item.as_cart_line() for item in items],
            tax_inclusive=self.tax_inclusive,
            discount=discount,
            shipping=shipping,
        )

    def _faults_by_part(self) -> list[Fault]:
        # The kernel stops at the first fault; a caller wants them all.
        faults: list[Fault] = []
        for index, item in enumerate(self.items):
            try:
                self._compute([item])
            except InvalidValue as fault:
                found = _fault(fault)
                faults.append(replace(found, pointer=f"/lines/{index}{found.pointer.removeprefix('/lines/0')}"))
        try:
            self._compute([], shipping=self.shipping)
        except InvalidValue as fault:
            faults.append(_fault(fault))
        return faults


def _fault(fault: InvalidValue) -> Fault:
    # Sums that leave the range point at the amount, which is no part of the body.
    pointer = fault.pointer if fault.pointer.startswith(("/lines", "/discount", "/shipping")) else ""
    return Fault(pointer, fault.detail, fault.code)
