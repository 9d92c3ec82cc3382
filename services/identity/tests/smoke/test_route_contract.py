"""Every write of Identity keeps what the house promises of writes."""

import httpx
import pytest
from identity_acts import IdentityActs
from identity_rooms import BASE, Fakes, Visitor
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes
from promenade_identity.user.entity import User


@pytest.fixture
def client(visitor: Visitor) -> httpx.AsyncClient:
    """Signed in as whoever is prepared."""
    return visitor.client


@pytest.fixture
def prepare(client: httpx.AsyncClient, visitor: Visitor) -> Prepare:
    """Makes each operation possible."""
    return IdentityActs(client, visitor)


def test_allowed_actions_of_users_are_those_with_a_route() -> None:
    """A command of the table has a route, or it is nobody's to give and in no `allowed_actions`."""
    of_users = [route for route in write_routes(Fakes().app()) if f"{BASE}/users/{{" in route.path]
    routed = {route.path.rpartition("/")[2] for route in of_users} | {route.method.lower() for route in of_users}

    assert User.machine.table.keys() - User.machine.internal == User.machine.table.keys() & routed


class TestRoutes(RouteContract):
    """On fakes."""

    routes = write_routes(Fakes().app())
