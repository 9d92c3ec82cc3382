"""What is done about news of customers and users."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import UnitOfWork

from promenade_order_management.customer.entity import Customer, Standing
from promenade_order_management.customer.repository import Customers


@dataclass(frozen=True, slots=True)
class CustomerRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    customers: Customers


async def copy_customer(customer: Customer, *, room: CustomerRoom) -> None:
    """Keep a copy, unless a newer one is there."""
    async with room.unit_of_work.begin():
        if customer.user_id is not None:
            await room.customers.hold_user(customer.user_id, alone=True)
        await room.customers.put(customer)


async def mark_customer_deleted(customer_id: UUID, user_id: UUID | None, sequence: int, *, room: CustomerRoom) -> None:
    """Take no new orders for a customer who is gone."""
    async with room.unit_of_work.begin():
        await room.customers.mark_deleted(customer_id, user_id, sequence)


async def set_standing(user_id: UUID, standing: Standing, sequence: int, *, room: CustomerRoom) -> None:
    """Take new orders of a user, or refuse them from now on."""
    async with room.unit_of_work.begin():
        await room.customers.set_standing(user_id, standing, sequence)
