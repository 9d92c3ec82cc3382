"""Every write of Order Management keeps what the house promises of writes."""

import httpx
import pytest
from order_acts import OrderActs
from order_rooms import Stage
from order_world import World
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes


@pytest.fixture
def prepare(client: httpx.AsyncClient, staff: dict[str, str], world: World) -> Prepare:
    """Makes each operation possible."""
    return OrderActs(client, staff, world)


class TestRoutes(RouteContract):
    """On fakes."""

    routes = write_routes(Stage().app)
