"""The port of customers and of the users behind them."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from promenade_order_management.customer.entity import Customer, Standing


class Customers(Protocol):
    """Copies: what is older than the copy never overwrites it."""

    async def hold_user(self, user_id: UUID, *, alone: bool = False) -> None:
        """Keep the user's customer as it is until the unit of work ends; `alone` waits for all other holders.

        Copying takes it alone, ordering beside others: so no order misses a customer that arrives meanwhile.
        """
        ...

    async def put(self, customer: Customer) -> bool:
        """Store a copy; answers False when a newer one is there already."""
        ...

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> bool:
        """Note that the original is gone, also of one never heard of; answers False when something newer is known."""
        ...

    async def find(self, customer_id: UUID) -> Customer | None:
        """A customer, also a deleted one."""
        ...

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The user's own living customer."""
        ...

    async def set_standing(self, user_id: UUID, standing: Standing, sequence: int) -> bool:
        """Note a user's standing; answers False when a newer one is known."""
        ...

    async def standing(self, user_id: UUID) -> Standing:
        """A user's standing; good unless something else was told."""
        ...
