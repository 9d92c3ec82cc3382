"""In-memory stand-ins of Order Management's ports; the contract suites run against them and the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest, current_cause
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_chassis.testing.lists import page_in_memory
from promenade_kernel.values.ids import new_id
from promenade_order_management.customer.entity import DELETED, Customer, Standing
from promenade_order_management.fulfillment.entity import Fulfillment
from promenade_order_management.fulfillment.repository import FULFILLMENTS
from promenade_order_management.order.entity import Order, OrderStatus
from promenade_order_management.order.repository import ORDERS, OrderFilter
from promenade_order_management.timeline.entity import Entry, Note
from promenade_order_management.timeline.repository import TIMELINE


class InMemoryCustomers:
    """Customers and standings in dicts."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.customers: dict[UUID, Customer] = {}
        self.standings: dict[UUID, tuple[Standing, int]] = {}
        unit_of_work.join(self)

    def snapshot(self) -> tuple[dict[UUID, Customer], dict[UUID, tuple[Standing, int]]]:
        return dict(self.customers), dict(self.standings)

    def roll_back(self, snapshot: tuple[dict[UUID, Customer], dict[UUID, tuple[Standing, int]]]) -> None:
        self.customers, self.standings = snapshot

    async def hold_user(self, user_id: UUID, *, alone: bool = False) -> None:
        self._unit_of_work.require()

    async def put(self, customer: Customer) -> bool:
        self._unit_of_work.require()
        known = self.customers.get(customer.id)
        if known is not None and known.sequence >= customer.sequence:
            return False
        self.customers[customer.id] = customer
        return True

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> bool:
        self._unit_of_work.require()
        known = self.customers.get(customer_id)
        if known is not None and known.sequence >= sequence:
            return False
        copy = known or Customer(id=customer_id, sequence=sequence, name=None, status=DELETED, user_id=user_id)
        self.customers[customer_id] = replace(copy, sequence=sequence, status=DELETED)
        return True

    async def find(self, customer_id: UUID) -> Customer | None:
        return self.customers.get(customer_id)

    async def of_user(self, user_id: UUID) -> Customer | None:
        found = (each for each in self.customers.values() if each.user_id == user_id and not each.is_deleted)
        return min(found, key=lambda each: each.id, default=None)

    async def set_standing(self, user_id: UUID, standing: Standing, sequence: int) -> bool:
        self._unit_of_work.require()
        if user_id in self.standings and self.standings[user_id][1] >= sequence:
            return False
        self.standings[user_id] = (standing, sequence)
        return True

    async def standing(self, user_id: UUID) -> Standing:
        return self.standings.get(user_id, (Standing.GOOD, 0))[0]


class InMemoryTimeline:
    """Entries in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.entries: list[Entry] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[Entry]:
        return list(self.entries)

    def roll_back(self, snapshot: list[Entry]) -> None:
        self.entries = snapshot

    async def append(self, order_id: UUID, notes: Sequence[Note]) -> None:
        self._unit_of_work.require()
        cause = current_cause()
        self.entries += [
            Entry(
                id=new_id(),
                order_id=order_id,
                kind=note.kind,
                at=note.at,
                actor=cause.actor,
                cause=cause.causation_id,
                correlation_id=cause.correlation_id,
                facts=note.facts,
            )
            for note in notes
        ]

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Entry]:
        return page_in_memory(TIMELINE, await self.all_of(order_id), page)

    async def all_of(self, order_id: UUID) -> list[Entry]:
        return [entry for entry in self.entries if entry.order_id == order_id]


class InMemoryOrders(InMemoryRepository[Order]):
    """Orders in a dict."""

    def __init__(
        self, unit_of_work: InMemoryUnitOfWork, customers: InMemoryCustomers, timeline: InMemoryTimeline
    ) -> None:
        super().__init__(unit_of_work)
        self._customers = customers
        self._timeline = timeline
        self._serials = count(1)

    async def add(self, order: Order) -> None:
        await self._store(order)

    async def save(self, order: Order) -> None:
        await self._store(order)

    async def get(self, order_id: UUID) -> Order:
        found = self._find(lambda order: order.id == order_id)
        if found is None:
            raise NotFound("There is no such order")
        return self._with_customer(found)

    async def take(self, order_id: UUID) -> Order:
        self._unit_of_work.require()
        return await self.get(order_id)

    async def user_of(self, order_id: UUID) -> UUID | None:
        found = self._find(lambda order: order.id == order_id)
        return found.user_id if found else None

    async def list(self, wanted: OrderFilter, page: PageRequest) -> Page[Order]:
        return self._page(ORDERS, lambda order: self._matches(self._with_customer(order), wanted), page).map(
            self._with_customer
        )

    async def waiting_for_customer(self, user_id: UUID) -> list[UUID]:
        return sorted(each.id for each in self._living() if each.user_id == user_id and each.customer_id is None)

    async def next_serial(self) -> int:
        self._unit_of_work.require()
        return next(self._serials)

    async def _store(self, order: Order) -> None:
        notes = order.take_notes()
        order.stored_lines = order.lines
        self._put(order)
        await self._timeline.append(order.id, notes)

    def _with_customer(self, order: Order) -> Order:
        customer = self._customers.customers.get(order.customer_id) if order.customer_id else None
        order.customer_user_id = customer.user_id if customer else None
        return order

    def _matches(self, order: Order, wanted: OrderFilter) -> bool:
        mine = wanted.reached_by is None or (
            wanted.reached_by in (order.user_id, order.customer_user_id) and order.status is not OrderStatus.DISCARDED
        )
        return (
            mine
            and wanted.status in (None, order.status)
            and wanted.payment_status in (None, order.payment_status)
            and wanted.fulfillment_status in (None, order.fulfillment_status)
            and wanted.customer_id in (None, order.customer_id)
            and wanted.number in (None, order.number)
            and _is_between(order.placed_at, wanted.placed_from, wanted.placed_to)
        )


class InMemoryFulfillments(InMemoryRepository[Fulfillment]):
    """Fulfillments in a dict."""

    async def add(self, fulfillment: Fulfillment) -> None:
        self._put(fulfillment)

    async def save(self, fulfillment: Fulfillment) -> None:
        self._put(fulfillment)

    async def get(self, fulfillment_id: UUID) -> Fulfillment:
        found = self._find(lambda fulfillment: fulfillment.id == fulfillment_id)
        if found is None:
            raise NotFound("There is no such fulfillment")
        return found

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Fulfillment]:
        return self._page(FULFILLMENTS, lambda fulfillment: fulfillment.order_id == order_id, page)


def _is_between(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if moment is None:
        return since is None and until is None
    return (since is None or moment >= since) and (until is None or moment < until)
