"""What is done about news of customers."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import UnitOfWork

from promenade_billing.customer.entity import Customer
from promenade_billing.customer.repository import Customers


@dataclass(frozen=True, slots=True)
class CustomerRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    customers: Customers


async def copy_customer(customer: Customer, *, room: CustomerRoom) -> None:
    """Keep a copy, unless a newer one is there."""
    async with room.unit_of_work.begin():
        await room.customers.put(customer)


async def mark_customer_deleted(customer_id: UUID, user_id: UUID | None, sequence: int, *, room: CustomerRoom) -> None:
    """Note that a customer is gone; his invoices stay."""
    async with room.unit_of_work.begin():
        await room.customers.mark_deleted(customer_id, user_id, sequence)
