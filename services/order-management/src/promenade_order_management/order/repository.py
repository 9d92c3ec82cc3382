"""The port of orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Sort

from promenade_order_management.order.entity import FulfillmentStatus, Order, OrderStatus, PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders a list shows; None means any.

    `reached_by` is the user it is for: his own and his customer's, without discarded ones.
    """

    reached_by: UUID | None = None
    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None
    fulfillment_status: FulfillmentStatus | None = None
    customer_id: UUID | None = None
    number: Annotated[str, Meta(description="The number it was given when it was placed.")] | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None


ORDERS = ListOf(
    Order, OrderFilter, Sort("created_at", datetime), Sort("placed_at", datetime, nullable=True), own="reached_by"
)


class Orders(Protocol):
    """Orders with their lines; saving one writes its notes into the timeline."""

    async def add(self, order: Order) -> None:
        """Store a new order."""
        ...

    async def save(self, order: Order) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def get(self, order_id: UUID) -> Order:
        """An order to look at; raises `NotFound`."""
        ...

    async def take(self, order_id: UUID) -> Order:
        """An order to change: others wait for it until the unit of work ends. Raises `NotFound`."""
        ...

    async def user_of(self, order_id: UUID) -> UUID | None:
        """The user an order was begun for, without taking it; None also for an unknown order."""
        ...

    async def list(self, wanted: OrderFilter, page: PageRequest) -> Page[Order]:
        """A page of the orders, as `ORDERS` declares the list."""
        ...

    async def waiting_for_customer(self, user_id: UUID) -> list[UUID]:
        """The orders of a user that do not know their customer yet."""
        ...

    async def next_serial(self) -> int:
        """The next number an order can get: greater than all before, never given twice."""
        ...
