"""In-memory stand-ins of Customer Management's ports; the contract suites run against them and the real ones."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_chassis.testing.lists import page_in_memory
from promenade_customer_management.customer.entity import Customer, EmailTaken, Told, UserStatus, UserTaken
from promenade_customer_management.customer.repository import CUSTOMERS, CustomerFilter
from promenade_customer_management.customer.user_profile import UserProfile
from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import TIMELINE
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone


class LastingUnitOfWork(InMemoryUnitOfWork):
    """Serves test after test, emptied in between: making the application anew costs ten times what a test does."""

    def empty(self) -> None:
        """Begin again; first called when every store has joined."""
        if not hasattr(self, "_empty"):
            self._empty = [(store, store.snapshot()) for store in self._stores]
        for store, snapshot in self._empty:
            store.roll_back(copy.copy(snapshot))
        self._depth.clear()
        self._turn = asyncio.Lock()
        self.events.clear()


class InMemoryCustomers(InMemoryRepository[Customer]):
    """Customers in a dict."""

    async def add(self, customer: Customer) -> None:
        self._refuse_the_same(customer)
        self._put(customer)

    async def save(self, customer: Customer) -> None:
        if not customer.is_deleted:
            self._refuse_the_same(customer)
        self._put(customer)

    async def get(self, customer_id: UUID) -> Customer:
        found = self._find(lambda customer: customer.id == customer_id)
        if found is None:
            raise NotFound("There is no such customer")
        return found

    async def get_with_deleted(self, customer_id: UUID) -> Customer:
        stored = self._rows.get(customer_id)
        if stored is None:
            raise NotFound("There is no such customer")
        return self._copy(stored)

    async def of_user(self, user_id: UUID) -> Customer | None:
        return self._find(lambda customer: customer.user_id == user_id)

    async def ever_of_user(self, user_id: UUID) -> Customer | None:
        deleted = [row for row in self._rows.values() if row.user_id == user_id and row.deleted_at is not None]
        newest = max(deleted, key=lambda row: row.deleted_at or row.created_at, default=None)
        return await self.of_user(user_id) or (self._copy(newest) if newest else None)

    async def of_email(self, email: Email) -> Customer | None:
        return self._find(lambda customer: _same(customer.email, email))

    async def list(self, wanted: CustomerFilter, page: PageRequest) -> Page[Customer]:
        return self._page(CUSTOMERS, lambda customer: _fits(customer, wanted), page)

    async def alike(self, customer: Customer) -> Sequence[UUID]:
        found = [
            other.id
            for other in self._living()
            if other.id != customer.id
            and (_same(other.name, customer.name) or (other.phone is not None and other.phone == customer.phone))
        ]
        return sorted(found)[:10]

    def _refuse_the_same(self, customer: Customer) -> None:
        others = [row for row in self._living() if row.id != customer.id]
        if any(_same(other.email, customer.email) for other in others):
            raise EmailTaken
        if customer.user_id is not None and any(other.user_id == customer.user_id for other in others):
            raise UserTaken


class InMemoryUsers:
    """What identity told of users, in dicts that are replaced, never changed."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._statuses: dict[UUID, tuple[UserStatus, int]] = {}
        self._proofs: dict[tuple[UUID, type[Email | Phone]], Told] = {}
        self._spares: dict[UUID, tuple[Phone, Told]] = {}
        self._profiles: dict[UUID, UserProfile] = {}
        unit_of_work.join(self)

    def snapshot(self) -> tuple[Any, Any, Any, Any]:
        return self._statuses, self._proofs, self._spares, self._profiles

    def roll_back(self, snapshot: tuple[Any, Any, Any, Any]) -> None:
        self._statuses, self._proofs, self._spares, self._profiles = snapshot

    async def note_status(self, user_id: UUID, status: UserStatus, told: Told) -> UserStatus:
        self._unit_of_work.require()
        known = self._statuses.get(user_id, (status, 0))
        newest = (status, told.sequence) if told.sequence > known[1] else known
        self._statuses = {**self._statuses, user_id: newest}
        return newest[0]

    async def status(self, user_id: UUID) -> UserStatus:
        return self._statuses.get(user_id, (UserStatus.NONE, 0))[0]

    async def note_proof(self, user_id: UUID, value: Email | Phone, told: Told) -> bool:
        self._unit_of_work.require()
        known = self._proofs.get((user_id, type(value)))
        if known is not None and not _is_newer(told, known):
            return False
        self._proofs = {**self._proofs, (user_id, type(value)): told}
        return True

    async def note_spare_phone(self, user_id: UUID, phone: Phone, told: Told) -> tuple[bool, Phone | None]:
        self._unit_of_work.require()
        before, known = self._spares.get(user_id, (None, None))
        is_newest = known is None or _is_newer(told, known)
        if is_newest:
            self._spares = {**self._spares, user_id: (phone, told)}
        return is_newest and (user_id, Phone) not in self._proofs, before

    async def hold_profile(self, user_id: UUID) -> UserProfile:
        self._unit_of_work.require()
        return self._profiles.get(user_id, UserProfile())

    async def put_profile(self, user_id: UUID, profile: UserProfile) -> None:
        self._unit_of_work.require()
        self._profiles = {**self._profiles, user_id: profile}


class InMemoryTimeline:
    """Entries in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._entries: list[TimelineEntry] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[TimelineEntry]:
        return list(self._entries)

    def roll_back(self, snapshot: list[TimelineEntry]) -> None:
        self._entries = snapshot

    async def append(self, entry: TimelineEntry) -> None:
        self._unit_of_work.require()
        self._entries.append(entry)

    async def list(self, customer_id: UUID, page: PageRequest) -> Page[TimelineEntry]:
        mine = [entry for entry in self._entries if entry.customer_id == customer_id]
        return page_in_memory(TIMELINE, mine, page)


def _is_newer(told: Told, known: Told) -> bool:
    return told.sequence > known.sequence if told.by == known.by else told.at > known.at


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.lower() == other.lower()


def _fits(customer: Customer, wanted: CustomerFilter) -> bool:
    return (
        wanted.lifecycle in (None, customer.lifecycle)
        and wanted.tier in (None, customer.tier)
        and wanted.owner_id in (None, customer.owner_id)
        and (wanted.tag is None or wanted.tag in customer.tags)
        and (wanted.q is None or _is_found(customer, wanted.q))
    )


def _is_found(customer: Customer, q: str) -> bool:
    digits = re.sub(r"[^0-9]", "", q).lstrip("0") if re.fullmatch(r"[0-9+() ./-]+", q) else ""
    texts = [customer.name.lower(), (customer.email or "").lower()]
    return any(q.lower() in text for text in texts) or (len(digits) > 2 and digits in (customer.phone or ""))
