"""Commands that bind an order or stop it."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import Principal

from promenade_order_management.customer.entity import Customer
from promenade_order_management.order.entity import Order
from promenade_order_management.order.use_cases.room import (
    PLACE,
    UPDATE,
    OrderRoom,
    require_good_standing,
    take_order,
)


async def place_order(order_id: UUID, *, expected_version: int | None, principal: Principal, room: OrderRoom) -> Order:
    """Make a draft binding; raises `OrderIncomplete`, `BuyerRefused`."""
    now = room.clock.now()
    async with room.unit_of_work.begin():
        # The user before the order, as news of his customer do: whoever takes two takes them in one order.
        user_id = await room.orders.user_of(order_id)
        if user_id is not None:
            await room.customers.hold_user(user_id)
        order = await take_order(order_id, PLACE, expected_version, principal=principal, room=room)
        order.require_placeable()
        customer = await _customer_of(order, room)
        await require_good_standing(order.user_id, customer, room=room)
        serial = await room.orders.next_serial()
        order.place(serial, now, customer=customer, pay_within=room.policy.pay_within)
        await room.orders.save(order)
    return order


async def hold_order(
    order_id: UUID, reason: str, *, expected_version: int | None, principal: Principal, room: OrderRoom
) -> Order:
    """Keep an order from being fulfilled."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.hold(reason, room.clock.now())
        await room.orders.save(order)
    return order


async def release_order(
    order_id: UUID, *, expected_version: int | None, principal: Principal, room: OrderRoom
) -> Order:
    """Let a held order be fulfilled again."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.release(room.clock.now())
        await room.orders.save(order)
    return order


async def _customer_of(order: Order, room: OrderRoom) -> Customer | None:
    if order.customer_id is not None:
        return await room.customers.find(order.customer_id)
    return await room.customers.of_user(order.user_id) if order.user_id is not None else None
