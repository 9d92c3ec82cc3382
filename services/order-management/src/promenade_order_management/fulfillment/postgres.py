"""Fulfillments in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NoFilters, NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.events.order_management import ShippedLine
from promenade_kernel.values import codec
from psycopg.types.json import Jsonb

from promenade_order_management.fulfillment.entity import Fulfillment, FulfillmentStatus, Parcel
from promenade_order_management.fulfillment.repository import FULFILLMENTS

_LIVING = "SELECT * FROM fulfillment WHERE deleted_at IS NULL"
_GET = _LIVING + " AND id = %(id)s"
LIST = ListStatement(
    FULFILLMENTS,
    select=_LIVING + " AND order_id = %(order_id)s",
    where={},
    sorts={"created_at": "created_at"},
)
_INSERT = """
INSERT INTO fulfillment (id, order_id, status, lines, carrier, tracking_number, tracking_url, failure, shipped_at,
                         delivered_at, version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(order_id)s, %(status)s, %(lines)s, %(carrier)s, %(tracking_number)s, %(tracking_url)s, %(failure)s,
        %(shipped_at)s, %(delivered_at)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE fulfillment
SET status = %(status)s, carrier = %(carrier)s, tracking_number = %(tracking_number)s,
    tracking_url = %(tracking_url)s, failure = %(failure)s, shipped_at = %(shipped_at)s,
    delivered_at = %(delivered_at)s, version = %(version)s, last_sequence = %(last_sequence)s,
    updated_at = %(updated_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""


class PostgresFulfillments(BaseRepository):
    """The fulfillments of the service's own database."""

    async def add(self, fulfillment: Fulfillment) -> None:
        """Store a new fulfillment."""
        await self._insert(fulfillment, _INSERT, **_columns(fulfillment))

    async def save(self, fulfillment: Fulfillment) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(fulfillment, _UPDATE, **_columns(fulfillment))

    async def get(self, fulfillment_id: UUID) -> Fulfillment:
        """A fulfillment; raises `NotFound`."""
        row = await self._fetch_one(_GET, id=fulfillment_id)
        if row is None:
            raise NotFound("There is no such fulfillment")
        return _to_fulfillment(row)

    async def list(self, order_id: UUID, page: PageRequest) -> Page[Fulfillment]:
        """A page of an order's fulfillments, as `FULFILLMENTS` declares the list."""
        rows = await self._fetch_listed(LIST, NoFilters(), page, order_id=order_id)
        return FULFILLMENTS.cut([_to_fulfillment(row) for row in rows], page)


def _columns(fulfillment: Fulfillment) -> Row:
    return {
        "order_id": fulfillment.order_id,
        "status": fulfillment.status,
        "lines": Jsonb(codec.to_plain(fulfillment.lines)),
        "carrier": fulfillment.parcel.carrier,
        "tracking_number": fulfillment.parcel.tracking_number,
        "tracking_url": fulfillment.parcel.tracking_url,
        "failure": fulfillment.failure,
        "shipped_at": fulfillment.shipped_at,
        "delivered_at": fulfillment.delivered_at,
    }


def _to_fulfillment(row: Row) -> Fulfillment:
    return Fulfillment(
        id=row["id"],
        version=row["version"],
        last_sequence=row["last_sequence"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        order_id=row["order_id"],
        status=FulfillmentStatus(row["status"]),
        lines=codec.convert(row["lines"], tuple[ShippedLine, ...]),
        parcel=Parcel(carrier=row["carrier"], tracking_number=row["tracking_number"], tracking_url=row["tracking_url"]),
        failure=row["failure"],
        shipped_at=row["shipped_at"],
        delivered_at=row["delivered_at"],
    )
