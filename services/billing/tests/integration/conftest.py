"""The same steps on fakes and on PostgreSQL."""

from __future__ import annotations

import pytest
from billing_rooms import World, fake_rooms, real_rooms
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_chassis.database import Database


@pytest.fixture
def real(database: Database, provider: SimulatedProvider) -> World:
    """The service on a real database, and what surrounds it."""
    return World(real_rooms(database, provider))


@pytest.fixture(params=["memory", "postgres"])
def either(request: pytest.FixtureRequest) -> World:
    """The fakes, and the real thing: what is promised holds for both."""
    if request.param == "memory":
        return World(fake_rooms())
    world: World = request.getfixturevalue("real")
    return world
