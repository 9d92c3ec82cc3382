"""Commands on drafts."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import Forbidden, Principal, invalid_field
from promenade_kernel.values.totals import CartTotals

from promenade_order_management.customer.entity import Customer
from promenade_order_management.order.entity import Cart, Item, Order, OrderLine
from promenade_order_management.order.use_cases.room import (
    CREATE,
    UPDATE,
    LineChanges,
    NewOrder,
    OrderChanges,
    OrderRoom,
    require_good_standing,
    review_prices,
    take_order,
)


async def preview_order(cart: Cart) -> CartTotals:
    """What an order of this would cost; nothing is stored."""
    return cart.price()


async def create_order(wanted: NewOrder, *, principal: Principal, room: OrderRoom) -> Order:
    """Begin a draft for oneself, or with orders:create for a customer; raises `BuyerRefused`."""
    now = room.clock.now()
    async with room.unit_of_work.begin():
        user_id, customer = await _buyer(wanted.customer_id, principal, room)
        await require_good_standing(user_id, customer, room=room)
        order = Order.begin(wanted.cart, now, user_id=user_id, customer=customer)
        order.shipping_address, order.billing_address = wanted.shipping_address, wanted.billing_address
        order.note = wanted.note
        review_prices(order, principal=principal, room=room)
        await room.orders.add(order)
    return order


async def change_order(
    order_id: UUID,
    changes: OrderChanges,
    *,
    expected_version: int | None,
    principal: Principal,
    room: OrderRoom,
) -> Order:
    """Change what a draft wants, where it goes and what is said about it."""
    now = room.clock.now()
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.set_details(
            shipping_address=changes.of(order, "shipping_address"),
            billing_address=changes.of(order, "billing_address"),
            note=changes.of(order, "note"),
            now=now,
        )
        if changes.items is not None or changes.touches("discount", "shipping"):
            order.set_cart(
                changes.items,
                discount=changes.of(order, "discount"),
                shipping=changes.of(order, "shipping"),
                now=now,
            )
            review_prices(order, principal=principal, room=room)
        await room.orders.save(order)
    return order


async def discard_order(order_id: UUID, *, expected_version: int | None, principal: Principal, room: OrderRoom) -> None:
    """Throw a draft away; from then on only staff see it."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.discard(room.clock.now())
        await room.orders.save(order)


async def add_order_line(
    order_id: UUID, item: Item, *, expected_version: int | None, principal: Principal, room: OrderRoom
) -> tuple[Order, OrderLine]:
    """Append a line to a draft."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        line = order.add_line(item, room.clock.now())
        review_prices(order, principal=principal, room=room)
        await room.orders.save(order)
    return order, line


async def change_order_line(
    order_id: UUID,
    line_id: UUID,
    changes: LineChanges,
    *,
    expected_version: int | None,
    principal: Principal,
    room: OrderRoom,
) -> Order:
    """Change one line of a draft."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.change_line(line_id, changes.apply, room.clock.now())
        review_prices(order, principal=principal, room=room)
        await room.orders.save(order)
    return order


async def remove_order_line(
    order_id: UUID,
    line_id: UUID,
    *,
    expected_version: int | None,
    principal: Principal,
    room: OrderRoom,
) -> None:
    """Take a line out of a draft."""
    async with room.unit_of_work.begin():
        order = await take_order(order_id, UPDATE, expected_version, principal=principal, room=room)
        order.remove_line(line_id, room.clock.now())
        await room.orders.save(order)


async def _buyer(
    customer_id: UUID | None, principal: Principal, room: OrderRoom
) -> tuple[UUID | None, Customer | None]:
    """The user and the customer the order is for; a user's customer may not be known yet."""
    if customer_id is None:
        await room.customers.hold_user(principal.id)
        return principal.id, await room.customers.of_user(principal.id)
    customer = await room.customers.find(customer_id)
    if principal.may(CREATE):
        if customer is None:
            raise invalid_field("/customer_id", "unknown-customer", "There is no such customer")
    elif customer is None or customer.user_id != principal.id:
        # The same answer whether he exists or not.
        raise Forbidden(f"Ordering for somebody else needs the permission {CREATE}")
    return customer.user_id, customer
