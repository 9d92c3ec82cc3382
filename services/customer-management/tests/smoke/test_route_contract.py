"""Every write of Customer Management keeps what the house promises of writes."""

import httpx
import pytest
from customer_acts import CustomerActs
from customer_rooms import customers_app, fake_room
from promenade_chassis.testing.action_contract import ActionContract
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes

# What each operation is called in `allowed_actions`.
ACTIONS = {
    "qualify_customer": "qualify",
    "disqualify_customer": "disqualify",
    "recycle_customer": "recycle",
    "convert_customer": "convert",
    "churn_customer": "churn",
    "reactivate_customer": "reactivate",
}


@pytest.fixture
def prepare(client: httpx.AsyncClient) -> Prepare:
    """Makes each operation possible."""
    return CustomerActs(client)


class TestRoutes(RouteContract, ActionContract):
    """On fakes."""

    routes = write_routes(customers_app(fake_room(), FakeVerifier(), InMemoryIdempotencyStore()))
    actions = ACTIONS
