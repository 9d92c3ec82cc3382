"""The route of the process."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from promenade_chassis.http.access import own
from promenade_chassis.http.resources import Caller, PathId

from promenade_order_management.order.entity import OrderStatus
from promenade_order_management.process import use_cases
from promenade_order_management.process.entity import StepStatus
from promenade_order_management.process.use_cases import ProcessRoom

READ = own("orders:read")
Room = NamedDependency[ProcessRoom]


class StepResource(msgspec.Struct, kw_only=True):
    """One step: `at` is the time of the last news of it, `error` the last thing that went wrong."""

    name: str
    status: StepStatus
    at: datetime | None
    error: str | None


class ProcessResource(msgspec.Struct, kw_only=True):
    """The cash flow of one order."""

    order_id: UUID
    order_status: OrderStatus
    steps: list[StepResource]


class ProcessController(Controller):
    """/orders/{order_id}/process"""

    path = "/orders/{order_id:uuid}/process"
    tags = ("orders",)

    @get("/", access=READ, operation_id="get_order_process", summary="How far the cash flow has come")
    async def read(self, order_id: PathId, principal: Caller, process_room: Room) -> ProcessResource:
        """Each step from placing to completion: done, waiting, failed or skipped, with its time and last error."""
        order, steps = await use_cases.get_process(order_id, principal=principal, room=process_room)
        return ProcessResource(
            order_id=order.id,
            order_status=order.status,
            steps=[StepResource(name=step.name, status=step.status, at=step.at, error=step.error) for step in steps],
        )
