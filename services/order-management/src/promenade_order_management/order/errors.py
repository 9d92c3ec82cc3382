"""What an order refuses."""

from __future__ import annotations

from promenade_chassis.ports import Conflict


class OrderIncomplete(Conflict):
    """Something that a placed order needs is missing; `missing` names it."""

    slug = "order-incomplete"
    title = "The order cannot be placed before it is complete"


class BuyerRefused(Conflict):
    """The user is suspended or deleted, or the customer is deleted."""

    slug = "buyer-refused"
    title = "No new orders are taken for this user or customer"


class OrderOnHold(Conflict):
    """A held order is not fulfilled."""

    slug = "order-on-hold"
    title = "The order is on hold and cannot be fulfilled"


class NotEnoughOpen(Conflict):
    """Fewer units of a line are open than were asked for."""

    slug = "not-enough-open"
    title = "Not so many units are open"
