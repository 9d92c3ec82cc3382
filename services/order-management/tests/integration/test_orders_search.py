"""What lists of the port `Orders` promise: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from order_entities import NOW, confirmed, customer, draft, placed
from order_rooms import add
from promenade_chassis.ports import PageRequest, Place
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.order.entity import FulfillmentStatus, OrderStatus, PaymentStatus
from promenade_order_management.order.repository import OrderFilter


async def test_lists_show_what_fits(either_rooms: Rooms) -> None:
    """Each filter by itself, and together."""
    orders = either_rooms.order.orders
    mine, buyer = uuid4(), customer(uuid4())
    async with either_rooms.order.unit_of_work.begin():
        await either_rooms.order.customers.put(buyer)
    begun = await add(either_rooms, draft(user_id=mine))
    bought = await add(either_rooms, draft(buyer=buyer))
    gone = draft(user_id=mine)
    gone.discard(NOW)
    gone = await add(either_rooms, gone)
    paid = confirmed()
    paid.number = "ORD-2026-777777"
    paid.placed_at = NOW + timedelta(days=1)
    paid.allocate({paid.lines[0].id: 1})
    paid = await add(either_rooms, paid)

    async def found(page: PageRequest | None = None, **wanted: object) -> list[UUID]:
        return [each.id for each in (await orders.list(OrderFilter(**wanted), page or PageRequest())).items]  # type: ignore[arg-type]

    assert await found() == [paid.id, gone.id, bought.id, begun.id]
    assert await found(reached_by=mine) == [begun.id]
    assert await found(reached_by=buyer.user_id) == [bought.id]
    assert await found(reached_by=uuid4()) == []
    assert await found(status=OrderStatus.DISCARDED) == [gone.id]
    assert await found(payment_status=PaymentStatus.PAID) == [paid.id]
    assert await found(fulfillment_status=FulfillmentStatus.PARTIAL) == [paid.id]
    assert await found(customer_id=buyer.id) == [bought.id]
    assert await found(number="ORD-2026-777777") == [paid.id]
    assert await found(number="ORD-2026-77777") == []
    assert await found(placed_from=paid.placed_at) == [paid.id]
    assert await found(placed_to=paid.placed_at) == []
    assert await found(placed_from=NOW, placed_to=NOW + timedelta(days=2), status=OrderStatus.CONFIRMED) == [paid.id]
    assert await found(PageRequest(limit=1)) == [paid.id]
    assert await found(PageRequest(limit=2, after=Place(gone.id))) == [bought.id, begun.id]


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.fromisoformat("9999-12-31T23:59:59-14:00"),
    ],
    ids=["first", "last", "beyond"],
)
async def test_any_time_filters(either_rooms: Rooms, moment: datetime) -> None:
    """The ends of time are no error of the database."""
    await add(either_rooms, placed())

    page = await either_rooms.order.orders.list(OrderFilter(placed_from=moment, placed_to=moment), PageRequest())

    assert page.items == ()
