"""An order, from a draft to its completion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from promenade_chassis.ports import InvalidTransition
from promenade_kernel.events.order_management import OrderCompleted, OrderConfirmed, OrderCreated

from promenade_order_management.customer.entity import Customer
from promenade_order_management.order.draft import Draft
from promenade_order_management.order.errors import BuyerRefused, NotEnoughOpen, OrderIncomplete, OrderOnHold
from promenade_order_management.order.invoice import InvoiceCopy
from promenade_order_management.order.line import MAXIMUM_LINES, Cart, Item, Label, OrderLine, Sku, Units
from promenade_order_management.order.placed import order_placed
from promenade_order_management.order.states import (
    ORDER_LIFE,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
)

# The door for other rooms: all they may know of an order stands here.
__all__ = [
    "MAXIMUM_LINES",
    "ORDER_LIFE",
    "PRICES_TO_REVIEW",
    "BuyerRefused",
    "Cart",
    "FulfillmentStatus",
    "InvoiceCopy",
    "Item",
    "Label",
    "NotEnoughOpen",
    "Order",
    "OrderIncomplete",
    "OrderLine",
    "OrderOnHold",
    "OrderStatus",
    "PaymentStatus",
    "ReturnStatus",
    "Sku",
    "Units",
]

PRICES_TO_REVIEW = "The prices are the client's and have to be reviewed"


@dataclass(kw_only=True)
class Order(Draft):
    """The aggregate root. Every command notes for the timeline what it changed."""

    @classmethod
    def begin(cls, cart: Cart, now: datetime, *, user_id: UUID | None, customer: Customer | None = None) -> Order:
        """Begin a draft; raises `Invalid` when it cannot be priced."""
        order = cls(
            currency=cart.currency,
            tax_inclusive=cart.tax_inclusive,
            totals=cart.price().totals,
            user_id=user_id,
            customer_id=customer.id if customer else None,
            customer_user_id=customer.user_id if customer else None,
        )
        order._reprice(cart.items, discount=cart.discount, shipping=cart.shipping)
        order.record(OrderCreated(**order.owner, currency=order.currency, total=order.totals.total))
        order.write_down("order.created", now, total=str(order.totals.total))
        return order

    def require_placeable(self) -> None:
        """Raise `InvalidTransition` unless it is a draft, `OrderIncomplete` unless it has all that placing needs."""
        if not ORDER_LIFE.accepts(self.status, "place"):
            raise InvalidTransition(self.status, "place", self.allowed_actions)
        if self.missing:
            raise OrderIncomplete(f"The order lacks: {', '.join(self.missing)}", missing=self.missing)

    def place(self, serial: int, now: datetime, *, customer: Customer | None, pay_within: timedelta) -> None:
        """Become binding: prices, taxes and customer (if he is known already) are frozen."""
        self.require_placeable()
        self._step("place")
        if customer is not None:
            self._freeze(customer)
        self.number, self.placed_at, self.payment_deadline = f"ORD-{now.year}-{serial:06d}", now, now + pay_within
        self.record(order_placed(self, self.number, self.placed_at, self.payment_deadline))
        self.write_down("order.placed", now, number=self.number, total=str(self.totals.total))

    def know_customer(self, customer: Customer, now: datetime) -> None:
        """The customer of the user who ordered has arrived. Once known he stays, and so do his name and email."""
        if self.customer_id is not None:
            return
        self.customer_id, self.customer_user_id = customer.id, customer.user_id
        if self.placed_at is not None:
            self._freeze(customer)
        self.write_down("customer.known", now, customer_id=str(customer.id))

    def hold(self, reason: str, now: datetime) -> None:
        """Keep it from being fulfilled."""
        self._require("hold")
        self.put_on_hold(reason, now)

    def release(self, now: datetime) -> None:
        """Let it be fulfilled again."""
        self._require("release")
        self.hold_reason = None
        self.write_down("order.released", now)

    def require_review_of_prices(self, now: datetime) -> None:
        """The prices come from somebody who may not set any: hold it until somebody has looked."""
        self.put_on_hold(PRICES_TO_REVIEW, now)

    def put_on_hold(self, reason: str, now: datetime) -> None:
        """Hold it for one more reason, in any state."""
        reasons = self.hold_reason.split("; ") if self.hold_reason is not None else []
        if reason in reasons:
            return
        self.hold_reason = "; ".join([*reasons, reason])
        self.write_down("order.held", now, reason=reason)

    # ---- what billing tells

    def take_over(self, told: InvoiceCopy, kind: str, now: datetime, **facts: str) -> bool:
        """Take over number and amounts, unless newer ones are known. False: this order has another invoice.

        News of an invoice and of its payments may overtake each other: the timeline keeps billing's own order of them.
        """
        if self.invoice is not None and self.invoice.id != told.id:
            return False
        self.invoice = told if self.invoice is None else self.invoice.updated_by(told)
        self.write_down(kind, now, invoice_sequence=str(told.sequence), **facts)
        return True

    def dispute(self, reason: str, now: datetime) -> None:
        """Billing computes another total: hold it, unless that comes so late that nothing is left to be held."""
        if ORDER_LIFE.accepts(self.status, "hold"):
            self.put_on_hold(reason, now)

    def confirm(self, now: datetime) -> None:
        """The invoice is paid: it may be fulfilled. An order that is not waiting for that stays as it is."""
        if self.number is None or not ORDER_LIFE.accepts(self.status, "confirm"):
            return
        self._step("confirm")
        self.confirmed_at = now
        self.record(
            OrderConfirmed(
                **self.owner,
                number=self.number,
                invoice_id=self.invoice.id if self.invoice else None,
                currency=self.currency,
                total=self.totals.total,
                confirmed_at=now,
            )
        )
        self.write_down("order.confirmed", now)

    # ---- the goods

    def require_fulfillable(self) -> None:
        """Raise `InvalidTransition` unless it is confirmed, `OrderOnHold` while it is held."""
        if not ORDER_LIFE.accepts(self.status, "fulfill"):
            raise InvalidTransition(self.status, "fulfill", self.allowed_actions)
        if self.hold_reason is not None:
            raise OrderOnHold(f"The order is on hold: {self.hold_reason}")

    def allocate(self, wanted: Mapping[UUID, int]) -> None:
        """Set units aside for a fulfillment; raises `NotEnoughOpen` naming what is left of each line."""
        self.require_fulfillable()
        short = {
            str(key): self.line(key).units.open for key, count in wanted.items() if count > self.line(key).units.open
        }
        if short or not wanted:
            raise NotEnoughOpen(open=short)
        self.move_units(wanted, open=-1, allocated=1)

    def move_units(self, counts: Mapping[UUID, int], **signs: int) -> None:
        """Move so many units of each line: `allocated=-1, shipped=1`."""
        self.lines = tuple(
            line.with_units(**{name: sign * counts[line.id] for name, sign in signs.items()})
            if line.id in counts
            else line
            for line in self.lines
        )

    def complete_if_delivered(self, now: datetime) -> None:
        """End it when nothing is open or allocated and every shipped unit is delivered."""
        units = [line.units for line in self.lines]
        done = all(each.open == each.allocated == 0 and each.delivered == each.shipped for each in units)
        if not done or self.number is None or not ORDER_LIFE.accepts(self.status, "complete"):
            return
        self._step("complete")
        self.completed_at = now
        self.record(
            OrderCompleted(
                **self.owner,
                number=self.number,
                currency=self.currency,
                total=self.totals.total,
                completed_at=now,
            )
        )
        self.write_down("order.completed", now)

    def _require(self, command: str) -> None:
        if command not in self.allowed_actions:
            raise InvalidTransition(self.status, command, self.allowed_actions)

    def _freeze(self, customer: Customer) -> None:
        self.customer_id, self.customer_user_id = customer.id, customer.user_id
        self.customer_name, self.customer_email = customer.name, customer.email
