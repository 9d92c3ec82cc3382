"""What the use cases of this room work with, and what both kinds of them share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from promenade_chassis.ports import UnitOfWork, current_cause, utc_now

from promenade_customer_management.customer.entity import Customer
from promenade_customer_management.customer.repository import Customers, Users
from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import Timeline

READ, CREATE, UPDATE, DELETE = "customers:read", "customers:create", "customers:update", "customers:delete"


@dataclass(frozen=True, slots=True)
class CustomerRoom:
    """The ports of this room."""

    unit_of_work: UnitOfWork
    customers: Customers
    users: Users
    timeline: Timeline


async def note(
    room: CustomerRoom, customer: Customer, kind: str, summary: str, *, at: datetime | None = None, **data: Any
) -> None:
    """Put an entry on the customer's timeline, with the cause of the work at hand."""
    await note_of(room, customer.id, kind, summary, at=at, **data)


async def note_of(
    room: CustomerRoom, customer_id: UUID, kind: str, summary: str, *, at: datetime | None = None, **data: Any
) -> None:
    """As `note`, of a customer who need not be loaded for it: the table has no entries of nobody."""
    cause = current_cause()
    await room.timeline.append(
        TimelineEntry(
            customer_id=customer_id,
            kind=kind,
            summary=summary,
            occurred_at=at or utc_now(),
            data=data,
            actor=cause.actor,
            cause=cause.causation_id,
        )
    )


async def note_lifecycle(room: CustomerRoom, customer: Customer, because: str, at: datetime | None = None) -> None:
    """Put a change of the lifecycle on the timeline."""
    summary = f"Now {customer.lifecycle}: {because}"
    await note(room, customer, "lifecycle.changed", summary, at=at, lifecycle=customer.lifecycle.value, because=because)
