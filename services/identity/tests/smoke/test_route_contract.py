"""Every write of Identity keeps what the house promises of writes."""

import httpx
import pytest
from identity_acts import IdentityActs
from identity_rooms import BASE, Fakes, Visitor
from identity_users import ACTIONS
from promenade_chassis.testing.action_contract import ActionContract
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


def test_every_command_of_the_table_has_a_route() -> None:
    """Or it is nobody's to give. Restoring is no action: a deleted user is not shown, so nothing could name it."""
    of_users = {route.operation_id for route in write_routes(Fakes().app()) if f"{BASE}/users/{{" in route.path}

    assert of_users == ACTIONS.keys() | {"restore_user"}
    assert set(ACTIONS.values()) == User.machine.table.keys() - User.machine.internal


class TestRoutes(RouteContract, ActionContract):
    """On fakes."""

    routes = write_routes(Fakes().app())
    actions = ACTIONS
