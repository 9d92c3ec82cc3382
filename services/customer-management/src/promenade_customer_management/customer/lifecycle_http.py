"""Routes of a customer's lifecycle: one command each, all from the one table."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import JSONBody
from promenade_chassis.http.access import permission
from promenade_chassis.http.resources import ExpectedVersion, PathId, command, shown

from promenade_customer_management.customer.shapes import Because, CustomerResource, to_resource
from promenade_customer_management.customer.use_cases import by_hand
from promenade_customer_management.customer.use_cases.room import CustomerRoom

UPDATE = permission("customers:update")
Room = NamedDependency[CustomerRoom]
Answer = Response[CustomerResource]


class LifecycleController(Controller):
    """/customers/{id}/<command>"""

    path = "/customers/{customer_id:uuid}"
    tags = ("lifecycle",)

    @command("/qualify", access=UPDATE, operation_id="qualify_customer", summary="Qualify")
    async def qualify(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> Answer:
        """A lead becomes a prospect."""
        return await _move(customer_id, "qualify", expected_version, customer_room)

    @command("/disqualify", access=UPDATE, operation_id="disqualify_customer", summary="Disqualify")
    async def disqualify(
        self, customer_id: PathId, data: JSONBody[Because], expected_version: ExpectedVersion, customer_room: Room
    ) -> Answer:
        """A lead or prospect is not worth more time."""
        return await _move(customer_id, "disqualify", expected_version, customer_room, data.reason)

    @command("/recycle", access=UPDATE, operation_id="recycle_customer", summary="Recycle")
    async def recycle(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> Answer:
        """A disqualified customer gets another chance."""
        return await _move(customer_id, "recycle", expected_version, customer_room)

    @command("/convert", access=UPDATE, operation_id="convert_customer", summary="Convert")
    async def convert(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> Answer:
        """Becomes a customer by hand."""
        return await _move(customer_id, "convert", expected_version, customer_room)

    @command("/churn", access=UPDATE, operation_id="churn_customer", summary="Churn")
    async def churn(
        self, customer_id: PathId, data: JSONBody[Because], expected_version: ExpectedVersion, customer_room: Room
    ) -> Answer:
        """A customer is lost."""
        return await _move(customer_id, "churn", expected_version, customer_room, data.reason)

    @command("/reactivate", access=UPDATE, operation_id="reactivate_customer", summary="Reactivate")
    async def reactivate(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> Answer:
        """A churned customer is back."""
        return await _move(customer_id, "reactivate", expected_version, customer_room)


async def _move(
    customer_id: UUID, name: str, expected_version: int | None, room: CustomerRoom, reason: str | None = None
) -> Answer:
    customer = await by_hand.move_customer(customer_id, name, reason, expected_version=expected_version, room=room)
    return shown(to_resource(customer))
