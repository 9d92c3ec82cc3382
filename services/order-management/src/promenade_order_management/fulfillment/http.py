"""Routes of fulfillments."""

from __future__ import annotations

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from promenade_chassis.http.access import own, permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    command,
    created,
    shown,
)
from promenade_chassis.ports import NoFilters

from promenade_order_management.fulfillment import use_cases
from promenade_order_management.fulfillment.repository import FULFILLMENTS
from promenade_order_management.fulfillment.resources import (
    CreateFulfillment,
    Fail,
    FulfillmentResource,
    Ship,
    to_resource,
)
from promenade_order_management.fulfillment.use_cases import FulfillmentRoom

PATH = "/api/v1/order-management/fulfillments"
READ, WRITE = own("fulfillments:read"), permission("fulfillments:write")
Room = NamedDependency[FulfillmentRoom]


class OrderFulfillmentController(Controller):
    """/orders/{order_id}/fulfillments"""

    path = "/orders/{order_id:uuid}/fulfillments"
    tags = ("fulfillments",)

    @post("/", access=WRITE, operation_id="create_fulfillment", summary="Begin a fulfillment", status_code=201)
    async def create(
        self,
        order_id: PathId,
        data: JSONBody[CreateFulfillment],
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """Sets units of a confirmed order aside, all open ones without `lines`. If-Match names the order's version."""
        handled = await use_cases.create_fulfillment(
            order_id, data.wanted, expected_version=expected_version, room=fulfillment_room
        )
        return created(to_resource(handled), f"{PATH}/{handled.fulfillment.id}")

    @listing("/", FULFILLMENTS, access=READ, operation_id="list_fulfillments", summary="List an order's fulfillments")
    async def list(
        self, asked: Asked[NoFilters], order_id: PathId, principal: Caller, fulfillment_room: Room
    ) -> Response[Listing[FulfillmentResource]]:
        """The fulfillments of an order, newest first."""
        found = await use_cases.list_fulfillments(order_id, asked.page, principal=principal, room=fulfillment_room)
        return listed(asked, found.map(to_resource))


class FulfillmentController(Controller):
    """/fulfillments"""

    path = "/fulfillments"
    tags = ("fulfillments",)

    @get("/{fulfillment_id:uuid}", access=READ, operation_id="get_fulfillment", summary="Read a fulfillment")
    async def read(
        self, fulfillment_id: PathId, principal: Caller, fulfillment_room: Room
    ) -> Response[FulfillmentResource]:
        """The fulfillment with its ETag."""
        found = await use_cases.get_fulfillment(fulfillment_id, principal=principal, room=fulfillment_room)
        return shown(to_resource(found))

    @command("/{fulfillment_id:uuid}/pack", access=WRITE, operation_id="pack_fulfillment", summary="Pack")
    async def pack(
        self,
        fulfillment_id: PathId,
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods are in their box."""
        handled = await use_cases.pack_fulfillment(
            fulfillment_id, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command("/{fulfillment_id:uuid}/ship", access=WRITE, operation_id="ship_fulfillment", summary="Ship")
    async def ship(
        self,
        fulfillment_id: PathId,
        data: JSONBody[Ship],
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods leave the house; also once more after they could not be handed over."""
        handled = await use_cases.ship_fulfillment(
            fulfillment_id, data.as_parcel(), expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command("/{fulfillment_id:uuid}/deliver", access=WRITE, operation_id="deliver_fulfillment", summary="Deliver")
    async def deliver(
        self,
        fulfillment_id: PathId,
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods arrived; with the last ones the order is completed."""
        handled = await use_cases.deliver_fulfillment(
            fulfillment_id, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command("/{fulfillment_id:uuid}/cancel", access=WRITE, operation_id="cancel_fulfillment", summary="Cancel")
    async def cancel(
        self,
        fulfillment_id: PathId,
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods stay; their units are open again."""
        handled = await use_cases.cancel_fulfillment(
            fulfillment_id, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command("/{fulfillment_id:uuid}/fail", access=WRITE, operation_id="fail_fulfillment", summary="Not delivered")
    async def fail(
        self,
        fulfillment_id: PathId,
        data: JSONBody[Fail],
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods could not be handed over."""
        handled = await use_cases.fail_fulfillment(
            fulfillment_id, data.reason, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command("/{fulfillment_id:uuid}/lose", access=WRITE, operation_id="lose_fulfillment", summary="Lost")
    async def lose(
        self,
        fulfillment_id: PathId,
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """The goods are gone on the way; their units are open again."""
        handled = await use_cases.lose_fulfillment(
            fulfillment_id, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))

    @command(
        "/{fulfillment_id:uuid}/return-to-sender",
        access=WRITE,
        operation_id="return_fulfillment_to_sender",
        summary="Back again",
    )
    async def return_to_sender(
        self,
        fulfillment_id: PathId,
        expected_version: ExpectedVersion,
        fulfillment_room: Room,
    ) -> Response[FulfillmentResource]:
        """What could not be handed over is here again; its units are open again."""
        handled = await use_cases.return_fulfillment_to_sender(
            fulfillment_id, expected_version=expected_version, room=fulfillment_room
        )
        return shown(to_resource(handled))
