"""What the port `Customers` promises of lists and searches: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from promenade_chassis.ports import PageRequest, Place
from promenade_customer_management.customer.entity import (
    Customer,
    Lifecycle,
    Tier,
)
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
ALL = CustomerFilter()


async def add(room: CustomerRoom, **fields: Any) -> Customer:
    customer = Customer(**{"name": f"Ada {uuid4().hex}", **fields})
    async with room.unit_of_work.begin():
        await room.customers.add(customer)
    return customer


async def delete(room: CustomerRoom, customer: Customer, at: datetime = NOW) -> None:
    customer.delete(at)
    await save(room, customer)


async def ids(room: CustomerRoom, wanted: CustomerFilter = ALL, page: PageRequest | None = None) -> list[UUID]:
    return [customer.id for customer in (await room.customers.list(wanted, page or PageRequest())).items]


async def save(room: CustomerRoom, customer: Customer) -> None:
    async with room.unit_of_work.begin():
        await room.customers.save(customer)


async def test_alike_are_those_of_the_same_phone_or_name(room: CustomerRoom) -> None:
    """Not itself, not who has no phone either; at most ten, the oldest first."""
    phone = Phone("+436601234567")
    by_phone, by_name = await add(room, phone=phone), await add(room, name="ADA")
    await add(room)
    ada = await add(room, name="ada", phone=phone)
    assert list(await room.customers.alike(ada)) == [by_phone.id, by_name.id]

    many = [(await add(room, name="Ada")).id for _ in range(10)]

    assert list(await room.customers.alike(ada)) == [by_phone.id, by_name.id, *many[:8]]


async def test_a_list_is_narrowed_by_all_that_is_given(room: CustomerRoom) -> None:
    """The newest first; signs that mean something in SQL mean themselves."""
    owner = uuid4()
    ada = await add(
        room, name="Ada 100%_\\", email=Email("Tea@example.com"), tier=Tier.PRO, owner_id=owner, tags=["a", "b"]
    )
    eve = await add(room, name="Ève", lifecycle=Lifecycle.PROSPECT)

    assert await ids(room) == [eve.id, ada.id]
    narrowed: list[tuple[CustomerFilter, list[UUID]]] = [
        (CustomerFilter(lifecycle=Lifecycle.PROSPECT), [eve.id]),
        (CustomerFilter(lifecycle=Lifecycle.CHURNED), []),
        (CustomerFilter(tier=Tier.PRO), [ada.id]),
        (CustomerFilter(owner_id=owner), [ada.id]),
        (CustomerFilter(tag="b"), [ada.id]),
        (CustomerFilter(tag="B"), []),
        (CustomerFilter(q="aDa 1"), [ada.id]),
        (CustomerFilter(q="tea@EX"), [ada.id]),
        (CustomerFilter(q="%_\\"), [ada.id]),
        (CustomerFilter(q="%%"), []),
        (CustomerFilter(q="èvE"), [eve.id]),
        (CustomerFilter(tier=Tier.PRO, owner_id=owner, tag="a", q="ada", lifecycle=Lifecycle.LEAD), [ada.id]),
        (CustomerFilter(tier=Tier.PRO, lifecycle=Lifecycle.PROSPECT), []),
    ]
    for wanted, found in narrowed:
        assert await ids(room, wanted) == found, wanted


async def test_a_number_is_found_by_its_digits(room: CustomerRoom) -> None:
    """However they are grouped, with the country's prefix or without; two digits are none, and names come first."""
    ada = await add(room, name="Ada", phone=Phone("+436601234567"))
    route = await add(room, name="Route 66", email=Email("66@example.com"))

    for q in ("+43 660 1234567", "0660/123-45-67", "0043660", "(660) 12", "567", "0000660"):
        assert await ids(room, CustomerFilter(q=q)) == [ada.id], q
    for q in ("+49 660", "0660 x", "45", "000", "٦٦٠", "6 6 6", "-"):
        assert ada.id not in await ids(room, CustomerFilter(q=q)), q
    assert await ids(room, CustomerFilter(q="66")) == [route.id]


async def test_pages_follow_each_other(room: CustomerRoom) -> None:
    """A page goes on after the row named, which may be gone, and says where the next one begins."""
    customers = [await add(room, tags=["walk"]) for _ in range(4)]
    newest_first = [customer.id for customer in reversed(customers)]
    walk = CustomerFilter(tag="walk")

    page = await room.customers.list(walk, PageRequest(limit=2))
    await delete(room, customers[2])
    await add(room, tags=["walk"])
    rest = await room.customers.list(walk, PageRequest(limit=2, after=page.next_after))

    assert page.next_after == Place(newest_first[1])
    assert [customer.id for customer in page.items + rest.items] == newest_first
    assert rest.next_after is None
