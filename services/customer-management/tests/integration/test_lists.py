"""The lists of customers and of what happened with one: the contract of all lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from promenade_chassis.ports import NoFilters, PageRequest
from promenade_chassis.testing.list_contract import ListContract, ListRig
from promenade_chassis.testing.plans import unsorted_by_index
from promenade_customer_management.customer import postgres as customers
from promenade_customer_management.customer.entity import Customer
from promenade_customer_management.customer.repository import CUSTOMERS, CustomerFilter
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.timeline import postgres as timeline
from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import TIMELINE

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
# In the order of code points, which is nobody's alphabet and the same everywhere.
NAMES = ("Zoe", "ada", "Åse", "Ada", "٣", "👍")


async def add(room: CustomerRoom, customer: Customer) -> UUID:
    async with room.unit_of_work.begin():
        await room.customers.add(customer)
    return customer.id


class TestCustomers(ListContract):
    """GET /customers"""

    @pytest.fixture
    def list_rig(self, room: CustomerRoom) -> ListRig:
        async def add_one(number: int) -> UUID:
            created_at = NOW + timedelta(microseconds=number // 3)
            return await add(room, Customer(name=NAMES[number % 4], created_at=created_at))

        async def remove(customer_id: UUID) -> None:
            async with room.unit_of_work.begin():
                customer = await room.customers.get(customer_id)
                customer.delete(NOW)
                await room.customers.save(customer)

        return ListRig(CUSTOMERS, lambda page: room.customers.list(CustomerFilter(), page), add_one, remove)

    async def test_names_are_sorted_by_code_point(self, room: CustomerRoom) -> None:
        """Whatever the database's collation: fakes and every operating system agree."""
        for name in NAMES:
            await add(room, Customer(name=name))

        page = await room.customers.list(CustomerFilter(), PageRequest(sort="name"))

        assert [customer.name for customer in page.items] == ["Ada", "Zoe", "ada", "Åse", "٣", "👍"]


class TestTimeline(ListContract):
    """GET /customers/{id}/timeline: nothing is ever taken away."""

    @pytest.fixture
    async def list_rig(self, room: CustomerRoom) -> ListRig:
        customer_id = await add(room, Customer(name="Ada"))

        async def add_one(number: int) -> UUID:
            at = NOW - timedelta(seconds=number % 4)
            entry = TimelineEntry(
                customer_id=customer_id, kind="note", summary="x", occurred_at=at, actor=None, cause=str(uuid4())
            )
            async with room.unit_of_work.begin():
                await room.timeline.append(entry)
            return entry.id

        return ListRig(TIMELINE, lambda page: room.timeline.list(customer_id, page), add_one)


def test_an_index_has_every_sort_ready(database_url: str) -> None:
    """No page of a list is sorted when it is asked for, however long the list is."""
    values, nobody = {"created_at": NOW, "name": "Ada", "occurred_at": NOW}, {"customer_id": uuid4()}

    assert unsorted_by_index(database_url, customers.LIST, CustomerFilter(), values) == set()
    assert unsorted_by_index(database_url, timeline.LIST, NoFilters(), values, **nobody) <= {"id", "-id"}
