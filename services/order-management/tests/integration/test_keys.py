"""Idempotency-Key on every POST of Order Management, with the real database behind."""

import httpx
import pytest
from order_acts import OrderActs
from order_rooms import Stage, real_rooms
from order_world import World
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Prepare, write_routes


@pytest.fixture
def prepare(client: httpx.AsyncClient, staff: dict[str, str], world: World) -> Prepare:
    """Makes each operation possible."""
    return OrderActs(client, staff, world)


@pytest.fixture
def serve(stage: Stage, verifier: FakeVerifier) -> Serve:
    """The application on any database."""
    return lambda database, answers: stage.furnish(real_rooms(database), verifier, answers)


class TestKeys(KeyContract):
    """On PostgreSQL."""

    routes = write_routes(Stage().app)
