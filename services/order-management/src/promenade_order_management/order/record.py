"""What an order consists of, and what follows from it. The commands are `entity.Order`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from promenade_chassis.ports import Aggregate, InvalidTransition, NotFound, Principal
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from promenade_kernel.values.totals import Discount, NetTotals, Shipping, Totals

from promenade_order_management.order.invoice import InvoiceCopy
from promenade_order_management.order.line import OrderLine
from promenade_order_management.order.states import (
    ORDER_LIFE,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
    fulfillment_status_of,
    payment_status_of,
)
from promenade_order_management.timeline.entity import Note


class Owner(TypedDict):
    """What every event about an order carries."""

    order_id: UUID
    customer_id: UUID | None
    user_id: UUID | None
    deal_id: UUID | None


@dataclass(kw_only=True)
class OrderRecord(Aggregate):
    """The data of an order.

    `customer_user_id` is the user behind the customer, as copied: loaded with the order, never stored with it.
    `stored_lines` are the lines as they were loaded.
    """

    currency: Currency
    tax_inclusive: bool
    totals: Totals
    user_id: UUID | None = None
    customer_id: UUID | None = None
    customer_user_id: UUID | None = None
    customer_name: str | None = None
    customer_email: Email | None = None
    deal_id: UUID | None = None
    status: OrderStatus = OrderStatus.DRAFT
    number: str | None = None
    price_source: str = "client"
    lines: tuple[OrderLine, ...] = ()
    discount: Discount | None = None
    shipping: Shipping | None = None
    shipping_totals: NetTotals | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    note: str | None = None
    hold_reason: str | None = None
    invoice: InvoiceCopy | None = None
    placed_at: datetime | None = None
    payment_deadline: datetime | None = None
    confirmed_at: datetime | None = None
    completed_at: datetime | None = None
    stored_lines: tuple[OrderLine, ...] = field(default=(), repr=False, compare=False)
    _notes: list[Note] = field(default_factory=list[Note], init=False, repr=False, compare=False)

    @property
    def payment_status(self) -> PaymentStatus:
        """Derived from billing's amounts."""
        return payment_status_of(self.totals.total, self.invoice)

    @property
    def fulfillment_status(self) -> FulfillmentStatus:
        """Derived from the units of the lines."""
        return fulfillment_status_of(self.lines)

    @property
    def return_status(self) -> ReturnStatus:
        """Derived from the units of the lines; nothing can come back yet."""
        return ReturnStatus.NONE

    @property
    def is_on_hold(self) -> bool:
        """Whether something has to be cleared up before it may be fulfilled."""
        return self.hold_reason is not None

    @property
    def open_units(self) -> Mapping[UUID, int]:
        """How many units of which line nobody has set aside yet."""
        return {line.id: line.units.open for line in self.lines if line.units.open}

    @property
    def missing(self) -> list[str]:
        """What a placed order needs and this one has not."""
        needs = {
            "lines": bool(self.lines),
            "customer": self.customer_id is not None or self.user_id is not None,
            "shipping_address": self.shipping_address is not None,
        }
        return [name for name, there in needs.items() if not there]

    @property
    def allowed_actions(self) -> list[str]:
        """Exactly the commands that a caller with every permission could give next."""
        ready = {
            "place": not self.missing,
            "fulfill": not self.is_on_hold and bool(self.open_units),
            "hold": not self.is_on_hold,
            "release": self.is_on_hold,
        }
        return [command for command in ORDER_LIFE.allowed(self.status) if ready.get(command, True)]

    @property
    def owner(self) -> Owner:
        """Which order, and whose."""
        return {
            "order_id": self.id,
            "customer_id": self.customer_id,
            "user_id": self.user_id,
            "deal_id": self.deal_id,
        }

    def line(self, line_id: UUID) -> OrderLine:
        """One line; raises `NotFound`."""
        found = next((line for line in self.lines if line.id == line_id), None)
        if found is None:
            raise NotFound("There is no such line")
        return found

    def require_reach(self, principal: Principal, permission: str) -> None:
        """Raise `NotFound` unless the order is the caller's or he holds the permission."""
        if not self.is_reached_by(principal, permission):
            raise NotFound("There is no such order")

    def is_reached_by(self, principal: Principal, permission: str) -> bool:
        """Whether the order is the caller's, discarded ones apart, or he holds the permission."""
        mine = principal.id in (self.user_id, self.customer_user_id) and self.status is not OrderStatus.DISCARDED
        return mine or principal.may(permission)

    def write_down(self, kind: str, at: datetime, **facts: str) -> None:
        """Note a change for the timeline; it is stored with the order."""
        self._notes.append(Note(kind, at, facts))

    def take_notes(self) -> Sequence[Note]:
        """The changes since the order was loaded, for whoever stores it."""
        notes, self._notes = self._notes, []
        return notes

    def _step(self, command: str) -> None:
        """Do the command's move; raises `InvalidTransition` naming what is allowed now."""
        target = ORDER_LIFE.table[command].get(self.status)
        if target is None:
            raise InvalidTransition(self.status, command, self.allowed_actions)
        self.status = target
