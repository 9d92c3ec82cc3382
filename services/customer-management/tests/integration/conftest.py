"""Fixtures of integration tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator
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
async def world(room: CustomerRoom) -> AsyncGenerator[World, None]:
    """The other contexts, with the ledger that belongs to the room; nothing they tell may end as a dead letter."""
    unit_of_work: Any = room.unit_of_work
    if isinstance(unit_of_work, Database):
        yield World(PostgresLedger(unit_of_work, CONTEXT, EVENTS), room)
        async with unit_of_work.reading_connection() as connection:
            assert await (await connection.execute("SELECT reaction, reason FROM dead_letter")).fetchall() == []
        return
    ledger = InMemoryLedger(CONTEXT, EVENTS, unit_of_work=unit_of_work)
    yield World(ledger, room)
    assert ledger.book.dead_letters == []
