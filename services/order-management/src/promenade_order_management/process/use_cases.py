"""The query of this room."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import Principal

from promenade_order_management.order.entity import Order
from promenade_order_management.order.repository import Orders
from promenade_order_management.process.entity import Step, steps_of
from promenade_order_management.timeline.repository import Timeline

READ = "orders:read"


@dataclass(frozen=True, slots=True)
class ProcessRoom:
    """What the query works with."""

    orders: Orders
    timeline: Timeline


async def get_process(order_id: UUID, *, principal: Principal, room: ProcessRoom) -> tuple[Order, list[Step]]:
    """How far the cash flow of an order one may see has come; raises `NotFound` for others."""
    order = await room.orders.get(order_id)
    order.require_reach(principal, READ)
    return order, steps_of(order, await room.timeline.all_of(order_id))
