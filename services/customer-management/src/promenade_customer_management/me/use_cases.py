"""The query of this room."""

from __future__ import annotations

from promenade_chassis.ports import Principal

from promenade_customer_management.customer.entity import Customer, CustomerNotReady
from promenade_customer_management.customer.repository import Customers


async def get_own_customer(*, principal: Principal, customers: Customers) -> Customer:
    """The caller's own customer; raises `CustomerNotReady` until the event that makes it has arrived."""
    customer = await customers.of_user(principal.id)
    if customer is None:
        raise CustomerNotReady
    return customer
