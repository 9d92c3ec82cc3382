"""Every write of Identity keeps what the house promises of writes."""

import httpx
import pytest
from identity_acts import IdentityActs
from identity_rooms import Fakes, Visitor
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes


@pytest.fixture
def client(visitor: Visitor) -> httpx.AsyncClient:
    """Signed in as whoever is prepared."""
    return visitor.client


@pytest.fixture
def prepare(client: httpx.AsyncClient, visitor: Visitor) -> Prepare:
    """Makes each operation possible."""
    return IdentityActs(client, visitor)


class TestRoutes(RouteContract):
    """On fakes."""

    routes = write_routes(Fakes().app())
