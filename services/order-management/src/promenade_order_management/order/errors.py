"""What an order refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from promenade_chassis.ports import Conflict


class OrderIncomplete(Conflict):
    """Something that a placed order needs is missing; `missing` names it."""

    slug = "order-incomplete"
    title = "The order cannot be placed before it is complete"
    advice = "Add what `missing` names, then place the order."
    example: ClassVar[Mapping[str, Any]] = {"missing": ["lines", "shipping_address"]}


class BuyerRefused(Conflict):
    """The user is suspended or deleted, or the customer is deleted."""

    slug = "buyer-refused"
    title = "No new orders are taken for this user or customer"
    advice = "Order for another customer, or have the user reinstated."


class OrderOnHold(Conflict):
    """A held order is not fulfilled."""

    slug = "order-on-hold"
    title = "The order is on hold and cannot be fulfilled"
    advice = "Release the order first."


class NotEnoughOpen(Conflict):
    """Fewer units of a line are open than were asked for."""

    slug = "not-enough-open"
    title = "Not so many units are open"
    advice = "Read the order's lines: `open` units of each can be set aside."
