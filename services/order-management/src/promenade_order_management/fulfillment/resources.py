"""What requests about fulfillments carry, and fulfillments as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta
from promenade_chassis.http.resources import Resource
from promenade_kernel.events.order_management import ShippedLine
from promenade_kernel.values.errors import InvalidValue, raise_all
from promenade_kernel.values.totals import MAXIMUM_QUANTITY

from promenade_order_management.fulfillment.entity import FulfillmentStatus, Parcel
from promenade_order_management.fulfillment.use_cases import Handled
from promenade_order_management.order.entity import MAXIMUM_LINES, Label

Url = Annotated[str, Meta(max_length=2000, pattern=r"^https?://[!-~]+$")]


class UnitsOfLine(msgspec.Struct, kw_only=True):
    """So many units of one line."""

    line_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=MAXIMUM_QUANTITY)]


class CreateFulfillment(msgspec.Struct, kw_only=True):
    """Which units travel together; without `lines` all that are open."""

    lines: Annotated[list[UnitsOfLine], Meta(min_length=1, max_length=MAXIMUM_LINES)] | None = None

    def __post_init__(self) -> None:
        """Each line is named once."""
        ids = [line.line_id for line in self.lines or ()]
        raise_all(
            InvalidValue("duplicate", "A line is named once", f"/lines/{index}/line_id")
            for index, line_id in enumerate(ids)
            if line_id in ids[:index]
        )

    @property
    def wanted(self) -> dict[UUID, int] | None:
        """How many units of which line."""
        return None if self.lines is None else {line.line_id: line.quantity for line in self.lines}


class Ship(msgspec.Struct, kw_only=True):
    """Who carries the goods, and how to follow them."""

    carrier: Label | None = None
    tracking_number: Label | None = None
    tracking_url: Url | None = None

    def as_parcel(self) -> Parcel:
        """How it travels."""
        return Parcel(
            carrier=str(self.carrier) if self.carrier else None,
            tracking_number=str(self.tracking_number) if self.tracking_number else None,
            tracking_url=self.tracking_url,
        )


class Fail(msgspec.Struct, kw_only=True):
    """Why the goods could not be handed over."""

    reason: Annotated[str, Meta(min_length=1, max_length=500)] = "Not delivered"


class FulfillmentResource(Resource, kw_only=True):
    """A fulfillment. `failure` says why it was not handed over; `allowed_actions` is what it accepts next."""

    order_id: UUID
    status: FulfillmentStatus
    allowed_actions: list[str]
    lines: tuple[ShippedLine, ...]
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    failure: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None


def to_resource(handled: Handled) -> FulfillmentResource:
    """The fulfillment as the API shows it."""
    fulfillment = handled.fulfillment
    return FulfillmentResource(
        id=fulfillment.id,
        version=fulfillment.version,
        created_at=fulfillment.created_at,
        updated_at=fulfillment.updated_at,
        order_id=fulfillment.order_id,
        status=fulfillment.status,
        allowed_actions=fulfillment.allowed_actions(handled.order),
        lines=fulfillment.lines,
        carrier=fulfillment.parcel.carrier,
        tracking_number=fulfillment.parcel.tracking_number,
        tracking_url=fulfillment.parcel.tracking_url,
        failure=fulfillment.failure,
        shipped_at=fulfillment.shipped_at,
        delivered_at=fulfillment.delivered_at,
    )
