"""Routes of orders."""

from __future__ import annotations

from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from promenade_chassis.http.access import own, permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    RequiredVersion,
    command,
    created,
    shown,
)
from promenade_chassis.ports import NoFilters

from promenade_order_management.order import use_cases
from promenade_order_management.order.bodies import ChangeLine, ChangeOrder, CreateOrder, Hold, LineBody
from promenade_order_management.order.repository import ORDERS, OrderFilter
from promenade_order_management.order.resources import (
    EntryResource,
    LineResource,
    OrderResource,
    PreviewResource,
    to_entry,
    to_line,
    to_preview,
    to_resource,
)
from promenade_order_management.order.use_cases import OrderRoom
from promenade_order_management.timeline.repository import TIMELINE

PATH = "/api/v1/order-management/orders"
CREATE, READ, UPDATE, PLACE = own("orders:create"), own("orders:read"), own("orders:update"), own("orders:place")
STAFF = permission("orders:update")
Room = NamedDependency[OrderRoom]


class OrderController(Controller):
    """/orders"""

    path = "/orders"
    tags = ("orders",)

    @post("/", access=CREATE, operation_id="create_order", summary="Begin an order", status_code=201)
    async def create(self, data: JSONBody[CreateOrder], principal: Caller, order_room: Room) -> Response[OrderResource]:
        """Begins a draft for oneself, or, with `customer_id`, for a customer. Its totals are computed at once."""
        order = await use_cases.create_order(data.as_new_order(), principal=principal, room=order_room)
        return created(to_resource(order), f"{PATH}/{order.id}")

    @post(
        "/preview",
        access=CREATE,
        operation_id="preview_order",
        summary="What an order would cost",
        status_code=200,
        ignores_keys=True,
    )
    async def preview(self, data: JSONBody[CreateOrder], principal: Caller) -> PreviewResource:
        """Computes lines and totals as the order would show them; nothing is stored."""
        cart = data.as_cart()
        return to_preview(cart, await use_cases.preview_order(cart))

    @listing("/", ORDERS, access=READ, operation_id="list_orders", summary="List orders")
    async def list(
        self, asked: Asked[OrderFilter], principal: Caller, order_room: Room
    ) -> Response[Listing[OrderResource]]:
        """One's own orders, newest first; staff see everybody's, discarded ones too."""
        found = await use_cases.list_orders(asked.wanted, asked.page, principal=principal, room=order_room)
        return listed(asked, found.map(to_resource))

    @get("/{order_id:uuid}", access=READ, operation_id="get_order", summary="Read an order")
    async def read(self, order_id: PathId, principal: Caller, order_room: Room) -> Response[OrderResource]:
        """The order with its ETag."""
        return shown(to_resource(await use_cases.get_order(order_id, principal=principal, room=order_room)))

    @patch("/{order_id:uuid}", access=UPDATE, operation_id="change_order", summary="Change a draft")
    async def change(
        self,
        order_id: PathId,
        data: JSONBody[ChangeOrder],
        required_version: RequiredVersion,
        principal: Caller,
        order_room: Room,
    ) -> Response[OrderResource]:
        """Changes what is named and computes the totals anew. Needs If-Match."""
        order = await use_cases.change_order(
            order_id, data.as_changes(), expected_version=required_version, principal=principal, room=order_room
        )
        return shown(to_resource(order))

    @delete("/{order_id:uuid}", access=UPDATE, operation_id="discard_order", summary="Discard a draft")
    async def discard(
        self, order_id: PathId, expected_version: ExpectedVersion, principal: Caller, order_room: Room
    ) -> None:
        """Throws a draft away. From then on only staff see it."""
        await use_cases.discard_order(order_id, expected_version=expected_version, principal=principal, room=order_room)

    @command("/{order_id:uuid}/place", access=PLACE, operation_id="place_order", summary="Place an order")
    async def place(
        self, order_id: PathId, expected_version: ExpectedVersion, principal: Caller, order_room: Room
    ) -> Response[OrderResource]:
        """Makes a draft binding: it gets its number, and prices, taxes and customer are frozen."""
        order = await use_cases.place_order(
            order_id, expected_version=expected_version, principal=principal, room=order_room
        )
        return shown(to_resource(order))

    @command("/{order_id:uuid}/hold", access=STAFF, operation_id="hold_order", summary="Hold an order")
    async def hold(
        self,
        order_id: PathId,
        data: JSONBody[Hold],
        expected_version: ExpectedVersion,
        principal: Caller,
        order_room: Room,
    ) -> Response[OrderResource]:
        """Keeps an order from being fulfilled; it can still be paid."""
        order = await use_cases.hold_order(
            order_id, data.reason, expected_version=expected_version, principal=principal, room=order_room
        )
        return shown(to_resource(order))

    @command("/{order_id:uuid}/release", access=STAFF, operation_id="release_order", summary="Release a held order")
    async def release(
        self, order_id: PathId, expected_version: ExpectedVersion, principal: Caller, order_room: Room
    ) -> Response[OrderResource]:
        """Lets a held order be fulfilled again."""
        order = await use_cases.release_order(
            order_id, expected_version=expected_version, principal=principal, room=order_room
        )
        return shown(to_resource(order))

    @listing(
        "/{order_id:uuid}/timeline",
        TIMELINE,
        access=READ,
        operation_id="list_order_timeline",
        summary="What happened",
    )
    async def timeline(
        self, asked: Asked[NoFilters], order_id: PathId, principal: Caller, order_room: Room
    ) -> Response[Listing[EntryResource]]:
        """Every change of the order, oldest first, with who did it and why."""
        found = await use_cases.list_timeline(order_id, asked.page, principal=principal, room=order_room)
        return listed(asked, found.map(to_entry))


class OrderLineController(Controller):
    """/orders/{order_id}/lines"""

    path = "/orders/{order_id:uuid}/lines"
    tags = ("orders",)

    @post("/", access=UPDATE, operation_id="add_order_line", summary="Add a line", status_code=201)
    async def add(
        self,
        order_id: PathId,
        data: JSONBody[LineBody],
        expected_version: ExpectedVersion,
        principal: Caller,
        order_room: Room,
    ) -> Response[OrderResource]:
        """Appends a line to a draft and answers the whole order."""
        order, line = await use_cases.add_order_line(
            order_id, data.as_item(), expected_version=expected_version, principal=principal, room=order_room
        )
        return created(to_resource(order), f"{PATH}/{order.id}/lines/{line.id}")

    @get("/{line_id:uuid}", access=READ, operation_id="get_order_line", summary="Read a line")
    async def read(self, order_id: PathId, line_id: PathId, principal: Caller, order_room: Room) -> LineResource:
        """The line as its order shows it; the version is the order's."""
        return to_line(await use_cases.get_order_line(order_id, line_id, principal=principal, room=order_room))

    @patch("/{line_id:uuid}", access=UPDATE, operation_id="change_order_line", summary="Change a line")
    async def change(
        self,
        order_id: PathId,
        line_id: PathId,
        data: JSONBody[ChangeLine],
        expected_version: ExpectedVersion,
        principal: Caller,
        order_room: Room,
    ) -> Response[OrderResource]:
        """Changes one line of a draft and answers the whole order."""
        order = await use_cases.change_order_line(
            order_id,
            line_id,
            data.as_changes(),
            expected_version=expected_version,
            principal=principal,
            room=order_room,
        )
        return shown(to_resource(order))

    @delete("/{line_id:uuid}", access=UPDATE, operation_id="remove_order_line", summary="Remove a line")
    async def remove(
        self,
        order_id: PathId,
        line_id: PathId,
        expected_version: ExpectedVersion,
        principal: Caller,
        order_room: Room,
    ) -> None:
        """Takes a line out of a draft."""
        await use_cases.remove_order_line(
            order_id, line_id, expected_version=expected_version, principal=principal, room=order_room
        )
