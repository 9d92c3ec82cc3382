"""What the ports `Customers` and `Fulfillments` promise: one suite, run against the fakes and against PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from order_entities import NOW, confirmed, customer
from order_rooms import add
from promenade_chassis.ports import NotFound, PageRequest
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.customer.entity import Standing
from promenade_order_management.fulfillment.entity import Fulfillment, Parcel


async def test_a_copy_is_never_overwritten_by_an_older_one(either_rooms: Rooms) -> None:
    """Whatever comes in whichever order: the highest sequence stays."""
    customers, newest = either_rooms.customer.customers, customer(uuid4(), sequence=3)
    async with either_rooms.customer.unit_of_work.begin():
        taken = [
            await customers.put(replace(newest, sequence=1, name="old")),
            await customers.put(newest),
            await customers.put(replace(newest, sequence=2, name="older")),
            await customers.put(replace(newest, name="same")),
            await customers.mark_deleted(newest.id, newest.user_id, 2),
        ]

    assert taken == [True, True, False, False, False]
    assert await customers.find(newest.id) == newest
    assert await customers.find(uuid4()) is None


async def test_a_users_customer_is_his_living_one(either_rooms: Rooms) -> None:
    """A deleted one is found by id alone."""
    customers, buyer = either_rooms.customer.customers, customer(uuid4())
    assert buyer.user_id is not None
    async with either_rooms.customer.unit_of_work.begin():
        await customers.put(buyer)
        before = await customers.of_user(buyer.user_id)
        await customers.mark_deleted(buyer.id, buyer.user_id, 2)

    assert before == buyer
    assert await customers.of_user(buyer.user_id) is None
    deleted = await customers.find(buyer.id)
    assert deleted is not None
    assert (deleted.is_deleted, deleted.name, deleted.sequence) == (True, buyer.name, 2)


async def test_one_who_was_deleted_before_he_was_heard_of(either_rooms: Rooms) -> None:
    """What is older and comes late does not revive him; what is newer, his being restored, does."""
    customers, late = either_rooms.customer.customers, customer(uuid4())
    async with either_rooms.customer.unit_of_work.begin():
        marked = await customers.mark_deleted(late.id, late.user_id, 2)
        revived = await customers.put(late)
        gone = await customers.find(late.id)
        restored = await customers.put(replace(late, sequence=3))

    assert gone == replace(late, sequence=2, status="deleted", name=None, email=None)
    assert (marked, revived, restored) == (True, False, True)
    assert await customers.find(late.id) == replace(late, sequence=3)


async def test_standings_follow_their_sequence(either_rooms: Rooms) -> None:
    """A user nobody told about is good."""
    customers, user_id = either_rooms.customer.customers, uuid4()
    unknown = await customers.standing(user_id)
    async with either_rooms.customer.unit_of_work.begin():
        taken = [
            await customers.set_standing(user_id, Standing.GOOD, 2),
            await customers.set_standing(user_id, Standing.SUSPENDED, 1),
            await customers.set_standing(user_id, Standing.DELETED, 3),
        ]

    assert unknown is Standing.GOOD
    assert taken == [True, False, True]
    assert await customers.standing(user_id) is Standing.DELETED


async def test_a_fulfillment_is_read_as_it_was_stored(either_rooms: Rooms) -> None:
    """With its parcel, its failure and its times; the list shows those of the order alone."""
    order = confirmed()
    parcel = Fulfillment.of(order, {order.lines[0].id: 1}, NOW)
    await add(either_rooms, order)
    fulfillments = either_rooms.fulfillment.fulfillments
    async with either_rooms.fulfillment.unit_of_work.begin():
        await fulfillments.add(parcel)
        parcel.ship(order, Parcel(carrier="Post", tracking_number="1Z", tracking_url="https://example.com"), NOW)
        parcel.fail(order, "nobody there", NOW)
        await fulfillments.save(parcel)

    assert await fulfillments.get(parcel.id) == parcel
    assert (parcel.version, parcel.last_sequence) == (2, 1)
    assert [each.id for each in (await fulfillments.list(order.id, PageRequest())).items] == [parcel.id]
    assert (await fulfillments.list(uuid4(), PageRequest())).items == ()
    with pytest.raises(NotFound):
        await fulfillments.get(uuid4())
