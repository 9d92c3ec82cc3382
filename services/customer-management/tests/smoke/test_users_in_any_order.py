"""Identity's facts in any order that keeps that of each subject, some of them twice: the same customers in the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import msgspec
from customer_rooms import World, fake_room
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promenade_chassis.ports import NotYet, PageRequest
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_customer_management.customer.entity import Customer, UserStatus
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases import by_hand
from promenade_kernel.events import identity
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.registry import Event
from promenade_kernel.values.email import Email

BEGINNING = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
EMAILS = [Email(f"ada{number}@example.com") for number in range(3)]
PHONES = ["+436601234567", "+436607654321"]
NAMES = st.sampled_from([None, "Ada", "Augusta", "Eve"])
LOCALES = st.sampled_from([None, "de-AT", "en-GB"])
ZONES = st.sampled_from([None, "Europe/Vienna", "Europe/London"])
# What can become of an active user next, and what he is then.
AFTER = {
    "active": ["suspended", "deleted"],
    "suspended": ["reinstated", "deleted"],
    "reinstated": ["suspended", "deleted"],
    "deleted": ["restored"],
    "restored": ["suspended", "deleted"],
}

Fact = tuple[UUID, Event]


@dataclass(frozen=True)
class History:
    """Who was there before, and all that happened, in the order it did."""

    user_id: UUID
    others: Sequence[dict[str, Any]]
    facts: Sequence[Fact]

    def sealed(self, world: World) -> list[Envelope]:
        """Each fact a second after the one before."""
        return [
            msgspec.structs.replace(world.seal(event, subject), time=BEGINNING + timedelta(seconds=seconds))
            for seconds, (subject, event) in enumerate(self.facts)
        ]


def what_became_of(user_id: UUID, data: st.DataObject) -> list[Fact]:
    """A walk through the states of an active user."""
    state, facts = "active", list[Fact]()
    for _ in range(data.draw(st.integers(0, 4))):
        state = data.draw(st.sampled_from(AFTER[state]))
        made: dict[str, Event] = {
            "suspended": identity.UserSuspended(user_id=user_id),
            "reinstated": identity.UserReinstated(user_id=user_id),
            "deleted": identity.UserDeleted(user_id=user_id),
            "restored": identity.UserRestored(user_id=user_id, email=EMAILS[0], status="active"),
        }
        facts.append((user_id, made[state]))
    return facts


def what_he_told(user_id: UUID, data: st.DataObject) -> list[Fact]:
    """Changes of his profile."""
    profile_id = uuid4()
    return [
        (
            profile_id,
            identity.ProfileUpdated(
                profile_id=profile_id,
                user_id=user_id,
                display_name=data.draw(NAMES),
                given_name=data.draw(NAMES),
                locale=data.draw(LOCALES),
                timezone=data.draw(ZONES),
            ),
        )
        for _ in range(data.draw(st.integers(0, 3)))
    ]


def what_he_proved(user_id: UUID, data: st.DataObject) -> list[list[Fact]]:
    """Further contacts, some of which become primary."""
    proved = list[list[Fact]]()
    for value in data.draw(st.lists(st.sampled_from([*EMAILS[1:], *PHONES]), max_size=4, unique=True)):
        about: dict[str, Any] = {"contact_id": uuid4(), "user_id": user_id, "value": str(value)}
        about["type"] = "email" if "@" in value else "phone"
        made = [identity.ContactVerified(**about, is_primary=False), identity.ContactMadePrimary(**about)]
        proved.append([(about["contact_id"], event) for event in made[: data.draw(st.integers(1, 2))]])
    return proved


def merged(lines: Sequence[Sequence[Fact]], data: st.DataObject) -> list[Fact]:
    """One order of events on several lines."""
    waiting, facts = [deque(line) for line in lines if line], list[Fact]()
    while waiting:
        line = data.draw(st.sampled_from(range(len(waiting))))
        facts.append(waiting[line].popleft())
        waiting = [each for each in waiting if each]
    return facts


def history(data: st.DataObject) -> History:
    """A user from his registration on, in a world where somebody may have an address of his."""
    user_id, contact_id = uuid4(), uuid4()
    name, locale = data.draw(NAMES), data.draw(LOCALES)
    registered = identity.UserRegistered(user_id=user_id, email=EMAILS[0], display_name=data.draw(NAMES))
    activated = identity.UserActivated(user_id=user_id, email=EMAILS[0], display_name=name, locale=locale)
    first = identity.ContactVerified(
        contact_id=contact_id, user_id=user_id, type="email", value=str(EMAILS[0]), is_primary=True
    )
    later = [what_became_of(user_id, data), what_he_told(user_id, data), *what_he_proved(user_id, data)]
    linked = {"user_id": uuid4(), "user_status": UserStatus.ACTIVE}
    others: list[dict[str, Any]] = data.draw(
        st.sampled_from(
            [
                [],
                [{"email": EMAILS[0]}],
                [{"email": EMAILS[0], "phone": "+43123456789", "locale": "fr"}],
                [{"email": EMAILS[0], **linked}],
                [{"email": EMAILS[1]}],
            ]
        )
    )
    facts: list[Fact] = [(user_id, registered), (user_id, activated), (contact_id, first), *merged(later, data)]
    return History(user_id, others, facts)


async def new_world(history: History) -> World:
    """The world before the user came into it."""
    room = fake_room()
    world = World(InMemoryLedger("customer-management", unit_of_work=room.unit_of_work), room)
    for fields in history.others:
        await by_hand.create_customer(Customer(name="Somebody", **fields), room=world.room)
    return world


async def customers_of(world: World) -> list[tuple[Any, ...]]:
    """All that the facts can have changed."""
    found = (await world.room.customers.list(CustomerFilter(), PageRequest(limit=100))).items
    fields = ("name", "email", "phone", "user_id", "user_status", "locale", "timezone", "lifecycle", "source")
    return sorted((tuple(getattr(customer, field) for field in fields) for customer in found), key=str)


async def as_it_happened(history: History) -> list[tuple[Any, ...]]:
    """The customers when each fact arrives once, in the order of the facts."""
    world = await new_world(history)
    for envelope in history.sealed(world):
        await world.replay(envelope)
    return await customers_of(world)


async def in_another_order(history: History, data: st.DataObject) -> list[tuple[Any, ...]]:
    """The customers when subjects overtake each other and reactions run again; what waits is tried later."""
    world = await new_world(history)
    lines: dict[UUID, deque[Envelope]] = {}
    for envelope in history.sealed(world):
        lines.setdefault(envelope.subject, deque()).append(envelope)
    done = list[Envelope]()
    for turn in count():
        waiting = [subject for subject, line in lines.items() if line]
        if not waiting:
            break
        # Any subject may be far ahead of the others; in the end all have their turn, so that nothing waits for ever.
        drawn = data.draw(st.lists(st.sampled_from(waiting), max_size=4, unique=True)) if turn < 20 else waiting
        for subject in drawn:
            try:
                await world.replay(lines[subject][0])
            except NotYet:
                continue
            done.append(lines[subject].popleft())
            if data.draw(st.booleans()):
                await world.replay(data.draw(st.sampled_from(done)))
    return await customers_of(world)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_order_of_delivery_does_not_matter(data: st.DataObject) -> None:
    """Registered, activated, told, proved, suspended, deleted, restored: the same customers, however it arrives."""
    told = history(data)

    expected = asyncio.run(as_it_happened(told))

    assert asyncio.run(in_another_order(told, data)) == expected
    assert any(customer[3] == told.user_id for customer in expected)
