"""Routes that show what happened with a customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from promenade_chassis.http.access import own
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import Caller, PathId
from promenade_chassis.ports import NoFilters

from promenade_customer_management.overview.use_cases import OverviewRoom, get_timeline
from promenade_customer_management.timeline.entity import TimelineEntry
from promenade_customer_management.timeline.repository import TIMELINE


class TimelineEntryResource(msgspec.Struct, kw_only=True):
    """One entry. `kind` is a stable word, `data` what belongs to it, `cause` the event or request behind it."""

    id: UUID
    kind: str
    summary: str
    occurred_at: datetime
    data: dict[str, Any]
    actor: str | None
    cause: str


class TimelineController(Controller):
    """/customers/{id}/timeline"""

    path = "/customers/{customer_id:uuid}/timeline"
    tags = ("timeline",)

    @listing(
        "/", TIMELINE, access=own("customers:read"), operation_id="get_customer_timeline", summary="Read the timeline"
    )
    async def read(
        self,
        asked: Asked[NoFilters],
        customer_id: PathId,
        principal: Caller,
        overview_room: NamedDependency[OverviewRoom],
    ) -> Response[Listing[TimelineEntryResource]]:
        """Everything that happened, newest first: own entries, orders, deliveries, invoices and payments."""
        found = await get_timeline(customer_id, asked.page, principal=principal, room=overview_room)
        return listed(asked, found.map(_to_resource))


def _to_resource(entry: TimelineEntry) -> TimelineEntryResource:
    names = TimelineEntryResource.__struct_fields__
    return TimelineEntryResource(**{name: getattr(entry, name) for name in names})
