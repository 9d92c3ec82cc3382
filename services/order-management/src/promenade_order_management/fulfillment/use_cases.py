"""Commands and queries of fulfillments: one async function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import Clock, NotFound, Page, PageRequest, Principal, UnitOfWork

from promenade_order_management.fulfillment.entity import Fulfillment, Parcel
from promenade_order_management.fulfillment.repository import Fulfillments
from promenade_order_management.order.entity import Order
from promenade_order_management.order.repository import Orders

READ = "fulfillments:read"


@dataclass(frozen=True, slots=True)
class FulfillmentRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    fulfillments: Fulfillments
    orders: Orders
    clock: Clock


@dataclass(frozen=True, slots=True)
class Handled:
    """A fulfillment with its order: what it accepts depends on both."""

    fulfillment: Fulfillment
    order: Order


Command = Callable[[Fulfillment, Order, datetime], None]


async def create_fulfillment(
    order_id: UUID, wanted: Mapping[UUID, int] | None, *, expected_version: int | None, room: FulfillmentRoom
) -> Handled:
    """Set units of an order aside, all that are open unless `wanted` says how many of which line.

    Raises `NotEnoughOpen`, `OrderOnHold`. The version expected is the order's.
    """
    async with room.unit_of_work.begin():
        order = await room.orders.take(order_id)
        order.expect_version(expected_version)
        counts = wanted if wanted is not None else order.open_units
        fulfillment = Fulfillment.of(order, counts, room.clock.now())
        await room.fulfillments.add(fulfillment)
        await room.orders.save(order)
    return Handled(fulfillment, order)


async def get_fulfillment(fulfillment_id: UUID, *, principal: Principal, room: FulfillmentRoom) -> Handled:
    """A fulfillment of an order one may see; raises `NotFound` for others."""
    fulfillment = await room.fulfillments.get(fulfillment_id)
    order = await room.orders.get(fulfillment.order_id)
    _require_reach(order, principal, "fulfillment")
    return Handled(fulfillment, order)


async def list_fulfillments(
    order_id: UUID, page: PageRequest, *, principal: Principal, room: FulfillmentRoom
) -> Page[Handled]:
    """The fulfillments of an order one may see."""
    order = await room.orders.get(order_id)
    _require_reach(order, principal, "order")
    found = await room.fulfillments.list(order_id, page)
    return found.map(lambda fulfillment: Handled(fulfillment, order))


async def pack_fulfillment(fulfillment_id: UUID, *, expected_version: int | None, room: FulfillmentRoom) -> Handled:
    """The goods are in their box."""
    return await _command(fulfillment_id, expected_version, room, Fulfillment.pack)


async def ship_fulfillment(
    fulfillment_id: UUID, parcel: Parcel, *, expected_version: int | None, room: FulfillmentRoom
) -> Handled:
    """The goods leave the house."""
    return await _command(
        fulfillment_id, expected_version, room, lambda each, order, now: each.ship(order, parcel, now)
    )


async def deliver_fulfillment(fulfillment_id: UUID, *, expected_version: int | None, room: FulfillmentRoom) -> Handled:
    """The goods arrived; with the last ones the order is completed."""
    return await _command(fulfillment_id, expected_version, room, Fulfillment.deliver)


async def cancel_fulfillment(fulfillment_id: UUID, *, expected_version: int | None, room: FulfillmentRoom) -> Handled:
    """The goods stay here."""
    return await _command(fulfillment_id, expected_version, room, Fulfillment.cancel)


async def fail_fulfillment(
    fulfillment_id: UUID, reason: str, *, expected_version: int | None, room: FulfillmentRoom
) -> Handled:
    """The goods could not be handed over."""
    return await _command(
        fulfillment_id, expected_version, room, lambda each, order, now: each.fail(order, reason, now)
    )


async def return_fulfillment_to_sender(
    fulfillment_id: UUID, *, expected_version: int | None, room: FulfillmentRoom
) -> Handled:
    """What could not be handed over is here again."""
    return await _command(fulfillment_id, expected_version, room, Fulfillment.come_back)


async def lose_fulfillment(fulfillment_id: UUID, *, expected_version: int | None, room: FulfillmentRoom) -> Handled:
    """The goods are gone."""
    return await _command(fulfillment_id, expected_version, room, Fulfillment.lose)


async def _command(
    fulfillment_id: UUID, expected_version: int | None, room: FulfillmentRoom, command: Command
) -> Handled:
    async with room.unit_of_work.begin():
        # The order first: it keeps parallel commands apart, so the fulfillment is read again once it is held.
        order = await room.orders.take((await room.fulfillments.get(fulfillment_id)).order_id)
        fulfillment = await room.fulfillments.get(fulfillment_id)
        fulfillment.expect_version(expected_version)
        command(fulfillment, order, room.clock.now())
        await room.fulfillments.save(fulfillment)
        await room.orders.save(order)
    return Handled(fulfillment, order)


def _require_reach(order: Order, principal: Principal, what: str) -> None:
    if not order.is_reached_by(principal, READ):
        raise NotFound(f"There is no such {what}")
