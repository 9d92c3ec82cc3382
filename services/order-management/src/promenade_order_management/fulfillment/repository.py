"""The port of fulfillments."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, NoFilters, Page, PageRequest, Sort

from promenade_order_management.fulfillment.entity import Fulfillment

FULFILLMENTS = ListOf(Fulfillment, NoFilters, Sort("created_at", datetime))


class Fulfillments(Protocol):
    """All fulfillments of all orders. Whoever changes one holds its order: that is what keeps two apart."""

    async def add(self, fulfillment: Fulfillment) -> None:
        """Store a new fulfillment."""
        ...

    async def save(self, fulfillment: Fulfillment) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def get(self, fulfillment_id: UUID) -> Fulfillment:
        """A fulfillment; raises `NotFound`."""
        ...

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Fulfillment]:
        """A page of an order's fulfillments, as `FULFILLMENTS` declares the list."""
        ...
