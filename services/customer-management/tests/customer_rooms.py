"""The room `customer` set up for tests, the steps its tests share, and the other contexts that tell it things."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import msgspec
from customer_fakes import InMemoryCustomers, InMemoryTimeline, InMemoryUsers, LastingUnitOfWork
from litestar import Litestar
from promenade_chassis.config import HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import DONE, Again
from promenade_chassis.events.reacting import react
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import PageRequest
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_customer_management.bootstrap import build_app
from promenade_customer_management.customer.postgres import PostgresCustomers
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.customer.users_postgres import PostgresUsers
from promenade_customer_management.reactions import Reactions
from promenade_customer_management.timeline.postgres import PostgresTimeline
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.registry import Event, wire_type
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.values.email import Email

BASE = "/api/v1/customer-management"
CUSTOMERS, ME = f"{BASE}/customers", f"{BASE}/me"
ADDRESS = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}
STAFF = ("customers:create", "customers:read", "customers:update", "customers:delete")
EventT = TypeVar("EventT", bound=Event)


def fake_room() -> CustomerRoom:
    """The room with fakes behind every port."""
    work = LastingUnitOfWork()
    return CustomerRoom(work, InMemoryCustomers(work), InMemoryUsers(work), InMemoryTimeline(work))


def real_room(database: Database) -> CustomerRoom:
    """The room on PostgreSQL."""
    return CustomerRoom(database, PostgresCustomers(database), PostgresUsers(database), PostgresTimeline(database))


def customers_app(room: CustomerRoom, verifier: FakeVerifier, idempotency: IdempotencyStore) -> Litestar:
    """The service's application as bootstrap composes it."""
    readiness = Readiness("customer-management", "1", {})
    signed: Any = verifier
    return build_app(room, readiness, verifier=signed, idempotency=idempotency, http=HttpSettings())


def fresh_email() -> Email:
    """An address nobody else has."""
    return Email(f"{uuid4().hex}@example.com")


def path_of(customer: dict[str, Any] | UUID, command: str = "") -> str:
    """Where a customer lives, or one of its commands."""
    name = customer["id"] if isinstance(customer, dict) else customer
    return f"{CUSTOMERS}/{name}" + (f"/{command}" if command else "")


async def add(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Create a customer by hand."""
    answer = await client.post(CUSTOMERS, json={"name": f"Ada {uuid4().hex}", **body})
    assert answer.status_code == 201, answer.text
    customer = answer.json()
    del customer["possible_duplicates"]
    return customer


async def timeline_of(room: CustomerRoom, customer_id: UUID) -> list[str]:
    """The kinds of a customer's entries, oldest first."""
    page = await room.timeline.list(customer_id, PageRequest(limit=100))
    return [entry.kind for entry in reversed(page.items)]


def sample(kind: type[EventT], **changes: Any) -> EventT:
    """The producer's golden sample of an event, with some fields changed."""
    event: Any = SAMPLES[wire_type(kind)]
    return msgspec.structs.replace(event, **changes)


class World:
    """The other contexts: tells facts in envelopes, each aggregate's in order, through a ledger."""

    def __init__(self, ledger: Ledger, room: CustomerRoom) -> None:
        self.ledger = ledger
        self.room = room
        self._subscriptions = Subscriptions("customer-management")
        self._sequences: defaultdict[UUID, int] = defaultdict(int)
        Reactions(room).subscribe(self)  # type: ignore[arg-type]

    def subscribe(self, event_class: type[Event], reaction: Any, **how: bool) -> None:
        """What reactions ask of a bus."""
        self._subscriptions.add(event_class, reaction)

    def seal(self, event: Event, subject: UUID) -> Envelope:
        """The next fact of an aggregate."""
        self._sequences[subject] += 1
        return sealed(event, subject=subject, sequence=self._sequences[subject])

    async def deliver(self, envelope: Envelope) -> Any:
        """One delivery, whatever comes of it."""
        return await self.ledger.handle(envelope, self._subscriptions.of(envelope.type))

    async def replay(self, envelope: Envelope) -> None:
        """A dead letter that an operator lets take effect at last: the reactions alone, whatever came since."""
        async with self.room.unit_of_work.begin():
            for subscription in self._subscriptions.of(envelope.type):
                await react(subscription, (envelope,))

    async def settle(self, envelope: Envelope) -> None:
        """Deliver until it is done."""
        while (outcome := await self.deliver(envelope)) != DONE:
            assert isinstance(outcome, Again)
            await asyncio.sleep(outcome.seconds)

    async def tell(self, event: Event, subject: UUID) -> Envelope:
        """Seal a fact and see it take effect."""
        envelope = self.seal(event, subject)
        await self.settle(envelope)
        return envelope
