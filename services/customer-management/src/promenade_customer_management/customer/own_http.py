"""The route of one's own customer."""

from __future__ import annotations

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from promenade_chassis.http.access import own
from promenade_chassis.http.resources import Caller, shown

from promenade_customer_management.customer.shapes import CustomerResource, to_resource
from promenade_customer_management.customer.use_cases.by_hand import get_own_customer
from promenade_customer_management.customer.use_cases.room import CustomerRoom


class OwnCustomerController(Controller):
    """/me"""

    path = "/me"
    tags = ("customers",)

    @get("/", access=own(), operation_id="get_own_customer", summary="Read one's own customer", refuses=(404,))
    async def read(self, principal: Caller, customer_room: NamedDependency[CustomerRoom]) -> Response[CustomerResource]:
        """404 `customer-not-ready` for a moment after the registration."""
        return shown(to_resource(await get_own_customer(principal=principal, room=customer_room)))
