"""The queries of this room."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import Page, PageRequest, Principal

from promenade_customer_management.customer.repository import Customers
from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import Timeline


@dataclass(frozen=True, slots=True)
class OverviewRoom:
    """What the queries of this room read."""

    customers: Customers
    timeline: Timeline


async def get_timeline(
    customer_id: UUID, page: PageRequest, *, principal: Principal, room: OverviewRoom
) -> Page[TimelineEntry]:
    """What happened with a customer one may see, newest first; raises `NotFound` for others."""
    customer = await room.customers.get(customer_id)
    principal.require_reach(customer.user_id, "customers:read", "customer")
    return await room.timeline.list(customer_id, page)
