"""What the use cases of orders work with, and what several of them do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from promenade_chassis.ports import Clock, Principal, UnitOfWork
from promenade_kernel.values.address import Address

from promenade_order_management.customer.entity import Customer, Standing
from promenade_order_management.customer.repository import Customers
from promenade_order_management.order.entity import BuyerRefused, Cart, Item, Order
from promenade_order_management.order.repository import Orders
from promenade_order_management.timeline.repository import Timeline

CREATE, READ, UPDATE, PLACE = "orders:create", "orders:read", "orders:update", "orders:place"
OVERRIDE_PRICE = "orders:override-price"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPolicy:
    """What an installation decides."""

    trust_client_prices: bool = False
    pay_within: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OrderRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    orders: Orders
    customers: Customers
    timeline: Timeline
    clock: Clock
    policy: OrderPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a draft begins with."""

    cart: Cart
    customer_id: UUID | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """What a PATCH names, by the names of the order's attributes; `items` are new lines."""

    items: Sequence[Item] | None
    named: Mapping[str, Any]

    def of(self, order: Order, name: str) -> Any:
        """The value an attribute shall have."""
        return self.named.get(name, getattr(order, name))

    def touches(self, *names: str) -> bool:
        """Whether any of these is named."""
        return any(name in self.named for name in names)


@dataclass(frozen=True, slots=True)
class LineChanges:
    """What a PATCH of a line names, by the names of the item's attributes."""

    named: Mapping[str, Any]

    def apply(self, item: Item) -> Item:
        """The item as it shall be."""
        return replace(item, **self.named)


async def take_order(
    order_id: UUID, permission: str, expected_version: int | None, *, principal: Principal, room: OrderRoom
) -> Order:
    """An order the caller may change, held until the unit of work ends; raises `NotFound`, `PreconditionFailed`."""
    order = await room.orders.take(order_id)
    order.require_reach(principal, permission)
    order.expect_version(expected_version)
    return order


async def require_good_standing(user_id: UUID | None, customer: Customer | None, *, room: OrderRoom) -> None:
    """Raise `BuyerRefused` for a suspended or deleted user and for a deleted customer."""
    if customer is not None and customer.is_deleted:
        raise BuyerRefused("The customer is deleted")
    if user_id is not None:
        standing = await room.customers.standing(user_id)
        if standing is not Standing.GOOD:
            raise BuyerRefused(f"The user is {standing}")


def review_prices(order: Order, *, principal: Principal, room: OrderRoom) -> None:
    """Hold the order for review when its prices come from somebody who may not set any."""
    if not room.policy.trust_client_prices and not principal.may(OVERRIDE_PRICE):
        order.require_review_of_prices(room.clock.now())
