"""A fulfillment: some units of an order's lines that travel together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

import msgspec
from promenade_chassis.ports import Aggregate, InvalidTransition, StateMachine
from promenade_kernel.events.order_management import FulfillmentDelivered, FulfillmentShipped, ShippedLine

from promenade_order_management.order.entity import Order, OrderOnHold


class FulfillmentStatus(StrEnum):
    """The way of the goods."""

    PENDING = "pending"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    UNDELIVERED = "undelivered"
    RETURNED = "returned"
    LOST = "lost"


FULFILLMENT_LIFE = StateMachine(
    table={
        "pack": {FulfillmentStatus.PENDING: FulfillmentStatus.PACKED},
        "ship": {
            FulfillmentStatus.PENDING: FulfillmentStatus.SHIPPED,
            FulfillmentStatus.PACKED: FulfillmentStatus.SHIPPED,
            FulfillmentStatus.UNDELIVERED: FulfillmentStatus.SHIPPED,
        },
        "deliver": {FulfillmentStatus.SHIPPED: FulfillmentStatus.DELIVERED},
        "cancel": {
            FulfillmentStatus.PENDING: FulfillmentStatus.CANCELLED,
            FulfillmentStatus.PACKED: FulfillmentStatus.CANCELLED,
        },
        "fail": {FulfillmentStatus.SHIPPED: FulfillmentStatus.UNDELIVERED},
        "return-to-sender": {FulfillmentStatus.UNDELIVERED: FulfillmentStatus.RETURNED},
        "lose": {FulfillmentStatus.SHIPPED: FulfillmentStatus.LOST},
    }
)

# A held order keeps its goods in the house.
_NOT_WHILE_HELD = frozenset({"pack", "ship"})


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """How it travels; each may be unknown."""

    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None


class Fact(TypedDict):
    """What every event about a fulfillment carries."""

    fulfillment_id: UUID
    order_id: UUID
    order_number: str
    customer_id: UUID | None
    user_id: UUID | None
    lines: tuple[ShippedLine, ...]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None


@dataclass(kw_only=True)
class Fulfillment(Aggregate):
    """The aggregate root. Its commands move the units of the order, too, and note it in the order's timeline."""

    order_id: UUID
    lines: tuple[ShippedLine, ...]
    status: FulfillmentStatus = FulfillmentStatus.PENDING
    parcel: Parcel = field(default_factory=Parcel)
    failure: str | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None

    @classmethod
    def of(cls, order: Order, wanted: Mapping[UUID, int], now: datetime) -> Fulfillment:
        """Set units of an order aside; raises `NotEnoughOpen`, `OrderOnHold`, `InvalidTransition`."""
        order.allocate(wanted)
        items = {line_id: order.line(line_id).item for line_id in wanted}
        lines = tuple(
            ShippedLine(line_id=line_id, sku=str(items[line_id].sku), name=str(items[line_id].name), quantity=count)
            for line_id, count in wanted.items()
        )
        fulfillment = cls(order_id=order.id, lines=lines)
        fulfillment._note("fulfillment.created", order, now)
        return fulfillment

    def allowed_actions(self, order: Order) -> list[str]:
        """Exactly the commands that a caller with every permission could give next."""
        held = _NOT_WHILE_HELD if order.is_on_hold else frozenset[str]()
        return [command for command in FULFILLMENT_LIFE.allowed(self.status) if command not in held]

    def pack(self, order: Order, now: datetime) -> None:
        """The goods are in their box."""
        self._step("pack", order)
        self._note("fulfillment.packed", order, now)

    def ship(self, order: Order, parcel: Parcel, now: datetime) -> None:
        """The goods leave the house, for the first time or once more; what `parcel` does not say stays."""
        first = self.status is not FulfillmentStatus.UNDELIVERED
        self._step("ship", order)
        self.parcel = Parcel(
            carrier=parcel.carrier or self.parcel.carrier,
            tracking_number=parcel.tracking_number or self.parcel.tracking_number,
            tracking_url=parcel.tracking_url or self.parcel.tracking_url,
        )
        self.shipped_at, self.failure = now, None
        if first:
            order.move_units(self._counts, allocated=-1, shipped=1)
        self.record(FulfillmentShipped(**self._fact(order), shipped_at=now))
        self._note("fulfillment.shipped", order, now)

    def deliver(self, order: Order, now: datetime) -> None:
        """The goods arrived; with the last ones the order is completed."""
        self._step("deliver", order)
        self.delivered_at = now
        order.move_units(self._counts, delivered=1)
        self.record(FulfillmentDelivered(**self._fact(order), delivered_at=now))
        self._note("fulfillment.delivered", order, now)
        order.complete_if_delivered(now)

    def cancel(self, order: Order, now: datetime) -> None:
        """The goods stay; their units are open again."""
        self._step("cancel", order)
        order.move_units(self._counts, allocated=-1, open=1)
        self._note("fulfillment.cancelled", order, now)

    def fail(self, order: Order, reason: str, now: datetime) -> None:
        """The goods could not be handed over; they may be shipped once more or come back."""
        self._step("fail", order)
        self.failure = reason
        self._note("fulfillment.undelivered", order, now, error=reason)

    def come_back(self, order: Order, now: datetime) -> None:
        """What could not be handed over is here again; its units are open again."""
        self._step("return-to-sender", order)
        order.move_units(self._counts, shipped=-1, open=1)
        self._note("fulfillment.returned", order, now)

    def lose(self, order: Order, now: datetime) -> None:
        """The goods are gone; others have to be sent, so the units are open again."""
        self._step("lose", order)
        order.move_units(self._counts, shipped=-1, open=1)
        self._note("fulfillment.lost", order, now, error="lost on the way")

    @property
    def _counts(self) -> Mapping[UUID, int]:
        return {line.line_id: line.quantity for line in self.lines}

    def _step(self, command: str, order: Order) -> None:
        target = FULFILLMENT_LIFE.table[command].get(self.status)
        if target is None:
            raise InvalidTransition(self.status, command, self.allowed_actions(order))
        if order.is_on_hold and command in _NOT_WHILE_HELD:
            raise OrderOnHold(f"The order is on hold: {order.hold_reason}", allowed=self.allowed_actions(order))
        self.status = target

    def _note(self, kind: str, order: Order, now: datetime, **facts: str) -> None:
        units = str(sum(line.quantity for line in self.lines))
        order.write_down(kind, now, fulfillment_id=str(self.id), units=units, **facts)

    def _fact(self, order: Order) -> Fact:
        return {
            "fulfillment_id": self.id,
            "order_id": self.order_id,
            "order_number": order.number or "",
            "customer_id": order.customer_id,
            "user_id": order.user_id,
            "lines": self.lines,
            "carrier": self.parcel.carrier,
            "tracking_number": self.parcel.tracking_number,
            "tracking_url": self.parcel.tracking_url,
        }
