"""Fixtures of integration tests."""

from __future__ import annotations

from typing import Any

import pytest
from customer_rooms import World, fake_room, real_room
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_customer_management.customer.use_cases.room import CustomerRoom

CONTEXT, EVENTS = "customer-management", EventsSettings()


@pytest.fixture(params=["memory", "postgres"])
def room(request: pytest.FixtureRequest) -> CustomerRoom:
    """The room on fakes, then on PostgreSQL: contract suites run on both."""
    return fake_room() if request.param == "memory" else real_room(request.getfixturevalue("database"))


@pytest.fixture
def world(room: CustomerRoom) -> World:
    """The other contexts, with the ledger that belongs to the room."""
    unit_of_work: Any = room.unit_of_work
    if isinstance(unit_of_work, Database):
        return World(PostgresLedger(unit_of_work, CONTEXT, EVENTS), room)
    return World(InMemoryLedger(CONTEXT, EVENTS, unit_of_work=unit_of_work), room)
