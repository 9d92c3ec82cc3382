"""Queries of orders."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest, Principal

from promenade_order_management.order.entity import Order, OrderLine
from promenade_order_management.order.repository import OrderFilter
from promenade_order_management.order.use_cases.room import READ, OrderRoom
from promenade_order_management.timeline.entity import Entry


async def get_order(order_id: UUID, *, principal: Principal, room: OrderRoom) -> Order:
    """An order one may see; raises `NotFound` for others."""
    order = await room.orders.get(order_id)
    order.require_reach(principal, READ)
    return order


async def get_order_line(order_id: UUID, line_id: UUID, *, principal: Principal, room: OrderRoom) -> OrderLine:
    """A line of an order one may see; raises `NotFound` for others."""
    order = await get_order(order_id, principal=principal, room=room)
    line = next((each for each in order.lines if each.id == line_id), None)
    if line is None:
        raise NotFound("There is no such line")
    return line


async def list_orders(wanted: OrderFilter, page: PageRequest, *, principal: Principal, room: OrderRoom) -> Page[Order]:
    """One's own orders; with orders:read everybody's, discarded ones too."""
    return await room.orders.list(wanted if principal.may(READ) else replace(wanted, reached_by=principal.id), page)


async def list_timeline(order_id: UUID, page: PageRequest, *, principal: Principal, room: OrderRoom) -> Page[Entry]:
    """What happened to an order one may see, oldest first."""
    await get_order(order_id, principal=principal, room=room)
    return await room.timeline.list(order_id, page)
