"""Customers in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values import codec
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from psycopg.types.json import Jsonb

from promenade_billing.customer.entity import Customer

_PUT = """
INSERT INTO customer (id, sequence, status, name, email, user_id, currency, timezone, billing_address)
VALUES (%(id)s, %(sequence)s, %(status)s, %(name)s, %(email)s, %(user_id)s, %(currency)s, %(timezone)s,
        %(billing_address)s)
ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, status = excluded.status, name = excluded.name,
    email = excluded.email, user_id = excluded.user_id, currency = excluded.currency, timezone = excluded.timezone,
    billing_address = excluded.billing_address, noted_at = now()
WHERE customer.sequence < excluded.sequence
"""
_MARK_DELETED = """
INSERT INTO customer (id, sequence, status, user_id) VALUES (%(id)s, %(sequence)s, 'deleted', %(user_id)s)
ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, status = excluded.status, noted_at = now()
WHERE customer.sequence < excluded.sequence
"""
_FIND = "SELECT * FROM customer WHERE id = %(id)s"
_OF_USER = "SELECT * FROM customer WHERE user_id = %(user_id)s AND status <> 'deleted' ORDER BY id LIMIT 1"


class PostgresCustomers(BaseRepository):
    """The copies in the service's own database."""

    async def put(self, customer: Customer) -> None:
        """Store a copy, unless one at least as new is there."""
        address = customer.billing_address
        await self._execute(
            _PUT,
            id=customer.id,
            sequence=customer.sequence,
            status=customer.status,
            name=customer.name,
            email=None if customer.email is None else str(customer.email),
            user_id=customer.user_id,
            currency=None if customer.currency is None else str(customer.currency),
            timezone=customer.timezone,
            billing_address=None if address is None else Jsonb(codec.to_plain(address)),
        )

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> None:
        """Note that the original is gone, also of one never heard of; the rest of the copy stays."""
        await self._execute(_MARK_DELETED, id=customer_id, user_id=user_id, sequence=sequence)

    async def find(self, customer_id: UUID) -> Customer | None:
        """A customer, also a deleted one."""
        row = await self._fetch_one(_FIND, id=customer_id)
        return _to_customer(row) if row else None

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The user's own living customer."""
        row = await self._fetch_one(_OF_USER, user_id=user_id)
        return _to_customer(row) if row else None


def _to_customer(row: Row) -> Customer:
    address = row["billing_address"]
    return Customer(
        id=row["id"],
        sequence=row["sequence"],
        status=row["status"],
        name=row["name"],
        email=None if row["email"] is None else Email.trusted(row["email"]),
        user_id=row["user_id"],
        currency=None if row["currency"] is None else Currency.trusted(row["currency"]),
        timezone=row["timezone"],
        billing_address=None if address is None else codec.convert(address, Address),
    )
