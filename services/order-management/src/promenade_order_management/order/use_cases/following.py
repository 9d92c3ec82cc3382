"""What orders do about news from other contexts. The reactions call these; no caller of the API does."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import NotFound, PermanentError

from promenade_order_management.order.entity import InvoiceCopy, Order
from promenade_order_management.order.use_cases.room import OrderRoom


async def know_customer(user_id: UUID, *, room: OrderRoom) -> None:
    """Give a user's orders the customer that has arrived for him; placed ones freeze name and email now."""
    async with room.unit_of_work.begin():
        customer = await room.customers.of_user(user_id)
        if customer is None:
            return
        for order_id in await room.orders.waiting_for_customer(user_id):
            order = await room.orders.take(order_id)
            order.know_customer(customer, room.clock.now())
            await room.orders.save(order)


async def note_invoice(order_id: UUID, told: InvoiceCopy, kind: str, *, room: OrderRoom, **facts: str) -> None:
    """Take over what billing says of the order's invoice; `kind` and `facts` go to the timeline."""
    async with room.unit_of_work.begin():
        order = await _take(order_id, told, room)
        if order.take_over(told, kind, room.clock.now(), **facts):
            await room.orders.save(order)


async def confirm_order(order_id: UUID, told: InvoiceCopy, *, room: OrderRoom) -> None:
    """The invoice is paid: the order may be fulfilled."""
    now = room.clock.now()
    async with room.unit_of_work.begin():
        order = await _take(order_id, told, room)
        if order.take_over(told, "invoice.paid", now):
            order.confirm(now)
            await room.orders.save(order)


async def reject_invoice(order_id: UUID, told: InvoiceCopy, reason: str, *, room: OrderRoom) -> None:
    """Billing computes another total: the order is held until somebody has looked."""
    now = room.clock.now()
    async with room.unit_of_work.begin():
        order = await _take(order_id, told, room)
        if order.take_over(told, "invoice.rejected", now, error=reason):
            order.dispute(reason, now)
            await room.orders.save(order)


async def _take(order_id: UUID, told: InvoiceCopy, room: OrderRoom) -> Order:
    try:
        order = await room.orders.take(order_id)
    except NotFound as missing:
        # The order was committed before its invoice could be made: waiting would not bring it.
        raise PermanentError(f"there is no order {order_id}") from missing
    if told.paid.currency != order.currency:
        raise PermanentError(f"order {order_id} is in {order.currency}, its invoice in {told.paid.currency}")
    return order
