"""What can be done with an order while it is a draft."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import Invalid
from promenade_kernel.events.order_management import OrderDiscarded
from promenade_kernel.values.address import Address
from promenade_kernel.values.totals import Discount, Shipping

from promenade_order_management.order.line import Cart, Item, OrderLine
from promenade_order_management.order.record import OrderRecord


@dataclass(kw_only=True)
class Draft(OrderRecord):
    """The commands of a draft. Each computes the totals anew and notes what it changed."""

    def set_cart(
        self, items: Sequence[Item] | None, *, discount: Discount | None, shipping: Shipping | None, now: datetime
    ) -> None:
        """Say what is wanted: new lines (None: those there are), discount and shipping of the whole."""
        self._step("change")
        self._reprice(self.lines if items is None else items, discount=discount, shipping=shipping)
        self._changed("order.changed", now)

    def set_details(
        self, *, shipping_address: Address | None, billing_address: Address | None, note: str | None, now: datetime
    ) -> None:
        """Say where goods and invoice go, and what else there is to know."""
        self._step("change")
        before = (self.shipping_address, self.billing_address, self.note)
        self.shipping_address, self.billing_address, self.note = shipping_address, billing_address, note
        if before != (shipping_address, billing_address, note):
            self.write_down("order.changed", now)

    def add_line(self, item: Item, now: datetime) -> OrderLine:
        """Append a line."""
        self._step("change")
        with _faults_of_line(len(self.lines)):
            self._reprice([*self.lines, item], discount=self.discount, shipping=self.shipping)
        self._changed("line.added", now, sku=item.sku)
        return self.lines[-1]

    def change_line(self, line_id: UUID, change: Callable[[Item], Item], now: datetime) -> None:
        """Change what one line wants; it keeps its id. Raises `NotFound`."""
        line = self.line(line_id)
        self._step("change")
        changed = OrderLine.wanted(change(line.item), line.totals, line.id)
        lines = [changed if each is line else each for each in self.lines]
        with _faults_of_line(self.lines.index(line)):
            self._reprice(lines, discount=self.discount, shipping=self.shipping)
        self._changed("line.changed", now, sku=changed.item.sku)

    def remove_line(self, line_id: UUID, now: datetime) -> None:
        """Take a line out. Raises `NotFound`."""
        line = self.line(line_id)
        self._step("change")
        self._reprice([each for each in self.lines if each is not line], discount=self.discount, shipping=self.shipping)
        self._changed("line.removed", now, sku=line.item.sku)

    def discard(self, now: datetime) -> None:
        """Throw the draft away."""
        self._step("discard")
        self.record(OrderDiscarded(**self.owner))
        self.write_down("order.discarded", now)

    def _changed(self, kind: str, now: datetime, **facts: str) -> None:
        self.write_down(kind, now, **facts, total=str(self.totals.total))

    def _reprice(
        self, lines: Sequence[OrderLine | Item], *, discount: Discount | None, shipping: Shipping | None
    ) -> None:
        items = [line.item if isinstance(line, OrderLine) else line for line in lines]
        ids = [line.id if isinstance(line, OrderLine) else None for line in lines]
        priced = Cart(
            currency=self.currency,
            items=items,
            tax_inclusive=self.tax_inclusive,
            discount=discount,
            shipping=shipping,
        ).price()
        self.discount, self.shipping, self.shipping_totals = discount, shipping, priced.shipping
        self.totals = priced.totals
        self.lines = tuple(
            OrderLine.wanted(item, totals, line_id)
            for item, totals, line_id in zip(items, priced.lines, ids, strict=True)
        )


@contextmanager
def _faults_of_line(place: int) -> Generator[None, None, None]:
    """Faults of this line point into the line: it is the whole body of the request."""
    prefix = f"/lines/{place}"
    try:
        yield
    except Invalid as invalid:
        raise Invalid(
            [replace(each, pointer=each.pointer.removeprefix(prefix)) for each in invalid.faults]
        ) from invalid
