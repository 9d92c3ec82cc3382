"""The lists of orders, of what happened with one, and of its fulfillments: the contract of all lists."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from order_entities import NOW, draft, placed
from order_rooms import add
from promenade_chassis.testing.list_contract import ListContract, ListRig
from promenade_chassis.testing.plans import unsorted_by_index
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.fulfillment.entity import Fulfillment
from promenade_order_management.fulfillment.repository import FULFILLMENTS
from promenade_order_management.order import postgres as orders_in_sql
from promenade_order_management.order.entity import Order
from promenade_order_management.order.repository import ORDERS, OrderFilter
from promenade_order_management.timeline.entity import Note
from promenade_order_management.timeline.repository import TIMELINE


def numbered(number: int) -> Order:
    """Every third order is a draft, of the others some were placed at the same time."""
    order = draft() if number % 3 == 0 else placed()
    order.created_at = NOW + timedelta(microseconds=number // 4)
    if order.placed_at is not None:
        order.number = f"ORD-2026-{number:06d}"
        order.placed_at = NOW + timedelta(seconds=number % 2)
    return order


class TestOrders(ListContract):
    """GET /orders: none is ever taken away, a discarded one stays in the list of staff."""

    @pytest.fixture
    def list_rig(self, either_rooms: Rooms) -> ListRig:
        orders = either_rooms.order.orders

        async def add_one(number: int) -> UUID:
            return (await add(either_rooms, numbered(number))).id

        return ListRig(ORDERS, lambda page: orders.list(OrderFilter(), page), add_one)


class TestOwnOrders(ListContract):
    """GET /orders as its user sees it: his own, and a discarded draft is gone."""

    @pytest.fixture
    def list_rig(self, either_rooms: Rooms) -> ListRig:
        user_id, orders = numbered(0).user_id, either_rooms.order.orders

        async def add_one(number: int) -> UUID:
            order = numbered(number)
            order.user_id = user_id
            await add(either_rooms, numbered(number + 1000))
            return (await add(either_rooms, order)).id

        async def remove(order_id: UUID) -> None:
            async with either_rooms.order.unit_of_work.begin():
                order = await orders.take(order_id)
                if "discard" in order.allowed_actions:
                    order.discard(NOW)
                    await orders.save(order)

        return ListRig(ORDERS, lambda page: orders.list(OrderFilter(reached_by=user_id), page), add_one, remove)


class TestTimeline(ListContract):
    """GET /orders/{id}/timeline: nothing is ever taken away."""

    @pytest.fixture
    async def list_rig(self, either_rooms: Rooms) -> ListRig:
        order = draft()
        order.take_notes()
        order, timeline = await add(either_rooms, order), either_rooms.order.timeline

        async def add_one(number: int) -> UUID:
            async with either_rooms.order.unit_of_work.begin():
                await timeline.append(order.id, [Note("x", NOW - timedelta(seconds=number % 4))])
            return (await timeline.all_of(order.id))[-1].id

        return ListRig(TIMELINE, lambda page: timeline.list(order.id, page), add_one)


class TestFulfillments(ListContract):
    """GET /orders/{id}/fulfillments"""

    @pytest.fixture
    async def list_rig(self, either_rooms: Rooms) -> ListRig:
        order, fulfillments = await add(either_rooms, placed()), either_rooms.fulfillment.fulfillments

        async def add_one(number: int) -> UUID:
            fulfillment = Fulfillment(order_id=order.id, lines=(), created_at=NOW + timedelta(seconds=number // 4))
            async with either_rooms.order.unit_of_work.begin():
                await fulfillments.add(fulfillment)
            return fulfillment.id

        return ListRig(FULFILLMENTS, lambda page: fulfillments.list(order.id, page), add_one)


def test_an_index_has_every_sort_ready(database_url: str) -> None:
    """No page of the list of all orders is sorted when it is asked for, however many there are."""
    values = {"created_at": NOW, "placed_at": NOW}

    assert unsorted_by_index(database_url, orders_in_sql.LIST, OrderFilter(), values) == set()
