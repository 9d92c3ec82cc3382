"""What the port `Timeline` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import PageRequest, Place
from promenade_customer_management.customer.entity import Customer
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.timeline.entity import TimelineEntry

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)


@pytest.fixture
async def customer_id(room: CustomerRoom) -> UUID:
    return await customer(room)


async def customer(room: CustomerRoom) -> UUID:
    ada = Customer(name="Ada")
    async with room.unit_of_work.begin():
        await room.customers.add(ada)
    return ada.id


async def append(room: CustomerRoom, customer_id: UUID, at: datetime = NOW) -> UUID:
    entry = TimelineEntry(
        customer_id=customer_id, kind="note", summary="x", occurred_at=at, actor=None, cause=str(uuid4())
    )
    async with room.unit_of_work.begin():
        await room.timeline.append(entry)
    return entry.id


async def walk(room: CustomerRoom, customer_id: UUID, limit: int = 100, after: Place | None = None) -> list[UUID]:
    page = await room.timeline.list(customer_id, PageRequest(limit=limit, after=after))
    return [entry.id for entry in page.items]


async def test_an_entry_is_read_as_it_was_kept(room: CustomerRoom, customer_id: UUID) -> None:
    """Every field survives, data of any depth and times to the microsecond."""
    entry = TimelineEntry(
        customer_id=customer_id,
        kind="order.placed",
        summary="Order ١٢ 👍 placed",
        occurred_at=NOW,
        data={"order_id": str(uuid4()), "none": None, "deep": [{"a": 1}]},
        actor=str(uuid4()),
        cause="request",
    )

    async with room.unit_of_work.begin():
        await room.timeline.append(entry)

    assert (await room.timeline.list(customer_id, PageRequest())).items == (entry,)


async def test_time_is_the_order_not_arrival(room: CustomerRoom, customer_id: UUID) -> None:
    """The newest first by when it happened; a late event takes its place in between. Other customers are apart."""
    old = await append(room, customer_id, NOW - timedelta(hours=2))
    new = await append(room, customer_id)
    late = await append(room, customer_id, NOW - timedelta(hours=1))
    await append(room, await customer(room))

    assert await walk(room, customer_id) == [new, late, old]


async def test_entries_of_one_moment_have_an_order_too(room: CustomerRoom, customer_id: UUID) -> None:
    """Among equal times the one written last comes first, as what follows is written after its cause."""
    entries = [await append(room, customer_id) for _ in range(5)]

    assert await walk(room, customer_id) == entries[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_a_walk_is_steady_while_entries_of_the_same_moment_arrive(
    room: CustomerRoom, customer_id: UUID, limit: int
) -> None:
    """Page by page none is repeated and none that was there throughout is missed, whatever comes at equal times."""
    there = [await append(room, customer_id, NOW - timedelta(seconds=number // 4)) for number in range(10)]
    seen: list[UUID] = []
    after: Place | None = None

    while True:
        page = await room.timeline.list(customer_id, PageRequest(limit=limit, after=after))
        seen += [entry.id for entry in page.items]
        for seconds in range(3):
            await append(room, customer_id, NOW - timedelta(seconds=seconds))
        after = page.next_after
        if after is None or len(seen) > 200:
            break

    assert len(seen) == len(set(seen))
    assert set(there) <= set(seen)
    order = {entry: (NOW - timedelta(seconds=number // 4), entry) for number, entry in enumerate(there)}
    assert [entry for entry in seen if entry in order] == sorted(there, key=lambda entry: order[entry], reverse=True)


async def test_a_page_goes_on_after_a_place_that_nothing_stands_at(room: CustomerRoom, customer_id: UUID) -> None:
    """A place is a time and an id: it needs no entry there, and shows nothing of another customer's."""
    mine = await append(room, customer_id, NOW - timedelta(hours=1))
    await append(room, await customer(room), NOW - timedelta(hours=1))

    assert await walk(room, customer_id, after=Place(uuid4(), NOW)) == [mine]
    assert await walk(room, customer_id, after=Place(uuid4(), NOW - timedelta(hours=2))) == []


async def test_a_rolled_back_entry_did_not_happen(room: CustomerRoom, customer_id: UUID) -> None:
    """An entry stands or falls with what it tells of, and is written in a unit of work only."""
    entry = TimelineEntry(customer_id=customer_id, kind="x", summary="x", occurred_at=NOW, actor=None, cause="x")

    with suppress(LookupError):
        async with room.unit_of_work.begin():
            await room.timeline.append(entry)
            raise LookupError
    with pytest.raises(TransactionMisuse):
        await room.timeline.append(entry)

    assert await walk(room, customer_id) == []
