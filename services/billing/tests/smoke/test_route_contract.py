"""Every write of Billing keeps what the house promises of writes."""

from uuid import UUID

import httpx
import pytest
from billing_acts import BillingActs
from billing_rooms import World, billing_app, fake_rooms
from promenade_chassis.testing.action_contract import ActionContract
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes

# What each operation is called in `allowed_actions`.
ACTIONS = {
    "accept_invoice": "accept",
    "void_invoice": "void",
    "confirm_payment": "confirm",
}


@pytest.fixture
def prepare(client: httpx.AsyncClient, user_id: UUID, staff: dict[str, str], world: World) -> Prepare:
    """Makes each operation possible."""
    return BillingActs(client, user_id, staff, world)


class TestRoutes(RouteContract, ActionContract):
    """On fakes."""

    routes = write_routes(billing_app(fake_rooms(), FakeVerifier(), InMemoryIdempotencyStore()))
    actions = ACTIONS
