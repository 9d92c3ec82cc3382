"""Commands and queries of orders: one async function each."""

from promenade_order_management.order.use_cases.binding import hold_order, place_order, release_order
from promenade_order_management.order.use_cases.drafting import (
    add_order_line,
    change_order,
    change_order_line,
    create_order,
    discard_order,
    preview_order,
    remove_order_line,
)
from promenade_order_management.order.use_cases.following import (
    confirm_order,
    know_customer,
    note_invoice,
    reject_invoice,
)
from promenade_order_management.order.use_cases.looking import get_order, get_order_line, list_orders, list_timeline
from promenade_order_management.order.use_cases.room import (
    LineChanges,
    NewOrder,
    OrderChanges,
    OrderPolicy,
    OrderRoom,
)

__all__ = [
    "LineChanges",
    "NewOrder",
    "OrderChanges",
    "OrderPolicy",
    "OrderRoom",
    "add_order_line",
    "change_order",
    "change_order_line",
    "confirm_order",
    "create_order",
    "discard_order",
    "get_order",
    "get_order_line",
    "hold_order",
    "know_customer",
    "list_orders",
    "list_timeline",
    "note_invoice",
    "place_order",
    "preview_order",
    "reject_invoice",
    "release_order",
    "remove_order_line",
]
