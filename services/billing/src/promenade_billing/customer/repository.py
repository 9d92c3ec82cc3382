"""The port of customers."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from promenade_billing.customer.entity import Customer


class Customers(Protocol):
    """Copies: what is older than the copy never overwrites it."""

    async def put(self, customer: Customer) -> None:
        """Store a copy, unless one at least as new is there."""
        ...

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> None:
        """Note that the original is gone, also of one never heard of; the rest of the copy stays."""
        ...

    async def find(self, customer_id: UUID) -> Customer | None:
        """A customer, also a deleted one."""
        ...

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The user's own living customer."""
        ...
