"""Every write of Order Management keeps what the house promises of writes."""

import httpx
import pytest
from order_acts import OrderActs
from order_rooms import Stage
from order_world import World
from promenade_chassis.testing.action_contract import ActionContract
from promenade_chassis.testing.route_contract import Prepare, RouteContract, write_routes

# What each operation is called in `allowed_actions`.
ACTIONS = {
    "change_order": "change",
    "discard_order": "discard",
    "place_order": "place",
    "hold_order": "hold",
    "release_order": "release",
    "create_fulfillment": "fulfill",
    "pack_fulfillment": "pack",
    "ship_fulfillment": "ship",
    "deliver_fulfillment": "deliver",
    "cancel_fulfillment": "cancel",
    "fail_fulfillment": "fail",
    "lose_fulfillment": "lose",
    "return_fulfillment_to_sender": "return-to-sender",
}


@pytest.fixture
def prepare(client: httpx.AsyncClient, staff: dict[str, str], world: World) -> Prepare:
    """Makes each operation possible."""
    return OrderActs(client, staff, world)


class TestRoutes(RouteContract, ActionContract):
    """On fakes."""

    routes = write_routes(Stage().app)
    actions = ACTIONS
