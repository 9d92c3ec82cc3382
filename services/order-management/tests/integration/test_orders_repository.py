"""What the ports `Orders` and `Timeline` promise: one suite, run against the fakes and against PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from order_entities import (
    ADDRESS,
    DAY,
    EUR,
    NOW,
    cart,
    customer,
    draft,
    invoice,
    item,
    placed,
)
from order_rooms import add
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import Aggregate, NotFound, PageRequest, StaleVersion
from promenade_kernel.values.money import Money, Percent, Rate
from promenade_kernel.values.totals import Discount, Shipping
from promenade_order_management.bootstrap import Rooms
from promenade_order_management.customer.entity import Standing
from promenade_order_management.fulfillment.entity import Fulfillment
from promenade_order_management.order.entity import Order
from promenade_order_management.timeline.entity import Note


async def save(rooms: Rooms, order: Order) -> None:
    async with rooms.order.unit_of_work.begin():
        await rooms.order.orders.save(order)


def full_order() -> Order:
    """An order that uses every field."""
    items = [
        item(discount=Discount(amount=Money(1, EUR))),
        item(quantity=7, tax_rate=Rate("0.100"), discount=Discount(percent=Percent("12.5"))),
    ]
    wanted = cart(
        *items,
        tax_inclusive=True,
        discount=Discount(percent=Percent("3")),
        shipping=Shipping(name="Post", price=Money(499, EUR), tax_rate=Rate("0.2")),
    )
    order = Order.begin(wanted, NOW, user_id=uuid4())
    order.set_details(shipping_address=ADDRESS, billing_address=ADDRESS, note="שלום 👋", now=NOW)
    order.place(next(_serials), NOW, customer=customer(), pay_within=DAY)
    order.take_over(invoice(order), "invoice.paid", NOW)
    order.confirm(NOW)
    order.allocate({order.lines[1].id: 3})
    order.put_on_hold("because", NOW)
    return order


_serials = iter(range(1, 1000))


async def test_an_order_is_read_as_it_was_stored(either_rooms: Rooms) -> None:
    """Every field survives the store, lines in their order and amounts to the cent."""
    order = await add(either_rooms, full_order())

    read = await either_rooms.order.orders.get(order.id)

    # The user behind the customer is looked up, not stored; this customer is not known here.
    assert read == replace_user(order, None)
    assert (read.version, read.last_sequence) == (1, 3)
    assert read.stored_lines == read.lines


def replace_user(order: Order, user_id: UUID | None) -> Order:
    order.customer_user_id = user_id
    return order


async def test_what_was_read_changes_nothing_until_it_is_saved(either_rooms: Rooms) -> None:
    """Reading hands out a copy; saving stores lines that came, changed and went."""
    order = await add(either_rooms, draft())
    read = await either_rooms.order.orders.get(order.id)
    first, second = (line.id for line in read.lines)
    read.remove_line(first, NOW)
    read.change_line(second, lambda old: replace(old, quantity=9), NOW)
    added = read.add_line(item(), NOW)

    before = await either_rooms.order.orders.get(order.id)
    await save(either_rooms, read)
    after = await either_rooms.order.orders.get(order.id)

    assert [line.id for line in before.lines] == [first, second]
    assert [(line.id, line.item.quantity) for line in after.lines] == [(second, 9), (added.id, 2)]
    assert after == read
    assert after.version == 2


async def test_a_stale_version_loses(either_rooms: Rooms) -> None:
    """Of two that read the same version the second to save is refused, and its notes with it."""
    order = await add(either_rooms, placed())
    first, second = await either_rooms.order.orders.get(order.id), await either_rooms.order.orders.get(order.id)
    first.hold("first", NOW)
    await save(either_rooms, first)
    second.hold("second", NOW)

    with pytest.raises(StaleVersion):
        await save(either_rooms, second)

    assert (await either_rooms.order.orders.get(order.id)).hold_reason == "first"
    facts = [dict(entry.facts) for entry in await either_rooms.order.timeline.all_of(order.id)]
    assert facts[-1] == {"reason": "first"}


async def test_an_unknown_order_is_not_there(either_rooms: Rooms) -> None:
    """Neither to look at nor to change."""
    with pytest.raises(NotFound):
        await either_rooms.order.orders.get(uuid4())
    async with either_rooms.order.unit_of_work.begin():
        with pytest.raises(NotFound):
            await either_rooms.order.orders.take(uuid4())


async def test_the_user_behind_the_customer_comes_along(either_rooms: Rooms) -> None:
    """He is read from the newest copy, whenever the order is loaded."""
    buyer = customer()
    order = await add(either_rooms, draft(buyer=buyer))
    user_id = uuid4()
    async with either_rooms.order.unit_of_work.begin():
        await either_rooms.order.customers.put(replace(buyer, user_id=user_id, sequence=2))

    async with either_rooms.order.unit_of_work.begin():
        taken = await either_rooms.order.orders.take(order.id)

    assert taken.customer_user_id == user_id
    assert await either_rooms.order.orders.user_of(order.id) == order.user_id
    assert await either_rooms.order.orders.user_of(uuid4()) is None
    assert (await either_rooms.order.orders.get(order.id)).customer_user_id == user_id


async def test_orders_that_wait_for_their_customer(either_rooms: Rooms) -> None:
    """Those of the user that know none yet, oldest first."""
    user_id = uuid4()
    first, second = await add(either_rooms, draft(user_id=user_id)), await add(either_rooms, draft(user_id=user_id))
    await add(either_rooms, draft(user_id=user_id, buyer=customer(user_id)))
    await add(either_rooms, draft())

    assert await either_rooms.order.orders.waiting_for_customer(user_id) == [first.id, second.id]


async def test_serials_ascend(either_rooms: Rooms) -> None:
    """None is given twice."""
    async with either_rooms.order.unit_of_work.begin():
        serials = [await either_rooms.order.orders.next_serial() for _ in range(3)]

    assert serials == sorted(set(serials))


async def test_nothing_is_written_outside_a_unit_of_work(either_rooms: Rooms) -> None:
    """Every port refuses."""
    order = draft()
    order.version = 0
    writes = [
        either_rooms.order.orders.add(order),
        either_rooms.order.orders.take(order.id),
        either_rooms.order.orders.next_serial(),
        either_rooms.order.customers.put(customer()),
        either_rooms.order.customers.hold_user(uuid4()),
        either_rooms.order.customers.set_standing(uuid4(), Standing.GOOD, 1),
        either_rooms.order.timeline.append(order.id, [Note("x", NOW)]),
        either_rooms.fulfillment.fulfillments.add(Fulfillment(order_id=order.id, lines=())),
    ]

    for write in writes:
        with pytest.raises(TransactionMisuse):
            await write


async def test_the_timeline_is_walked_from_the_beginning(either_rooms: Rooms) -> None:
    """Oldest first, page by page, each entry with its cause."""
    order = await add(either_rooms, full_order())
    everything = await either_rooms.order.timeline.all_of(order.id)

    first = await either_rooms.order.timeline.list(order.id, PageRequest(limit=2))
    rest = await either_rooms.order.timeline.list(order.id, PageRequest(after=first.next_after))

    assert [*first.items, *rest.items] == everything
    kinds = [entry.kind for entry in everything]
    assert kinds[:3] == ["order.created", "order.changed", "order.placed"]
    assert all(entry.cause and entry.order_id == order.id and entry.at == NOW for entry in everything)


def test_the_entities_are_aggregates() -> None:
    """What is saved with its events counts versions and facts."""
    assert issubclass(Order, Aggregate)
    assert issubclass(Fulfillment, Aggregate)
