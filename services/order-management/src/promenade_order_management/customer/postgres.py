"""Customers and standings in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values.email import Email

from promenade_order_management.customer.entity import Customer, Standing

# A row that is not there yet cannot be locked, a user's id can.
_HOLD = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%(user_id)s::text, 1))"
_HOLD_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%(user_id)s::text, 1))"
_PUT = """
INSERT INTO customer (id, user_id, name, email, status, sequence)
VALUES (%(id)s, %(user_id)s, %(name)s, %(email)s, %(status)s, %(sequence)s)
ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, name = excluded.name, email = excluded.email,
    status = excluded.status, sequence = excluded.sequence, updated_at = now()
WHERE customer.sequence < excluded.sequence
"""
_MARK_DELETED = """
INSERT INTO customer (id, user_id, status, sequence) VALUES (%(id)s, %(user_id)s, 'deleted', %(sequence)s)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, sequence = excluded.sequence, updated_at = now()
WHERE customer.sequence < excluded.sequence
"""
_FIND = "SELECT * FROM customer WHERE id = %(id)s"
_OF_USER = "SELECT * FROM customer WHERE user_id = %(user_id)s AND status <> 'deleted' ORDER BY id LIMIT 1"
_SET_STANDING = """
INSERT INTO user_standing (user_id, standing, sequence) VALUES (%(user_id)s, %(standing)s, %(sequence)s)
ON CONFLICT (user_id) DO UPDATE
SET standing = excluded.standing, sequence = excluded.sequence, updated_at = now()
WHERE user_standing.sequence < excluded.sequence
"""
_STANDING = "SELECT standing FROM user_standing WHERE user_id = %(user_id)s"


class PostgresCustomers(BaseRepository):
    """The copies in the service's own database."""

    async def hold_user(self, user_id: UUID, *, alone: bool = False) -> None:
        """Keep the user's customer as it is until the unit of work ends; `alone` waits for all other holders."""
        await self._execute(_HOLD_ALONE if alone else _HOLD, user_id=user_id)

    async def put(self, customer: Customer) -> bool:
        """Store a copy; answers False when a newer one is there already."""
        written = await self._execute(
            _PUT,
            id=customer.id,
            user_id=customer.user_id,
            name=customer.name,
            email=str(customer.email) if customer.email is not None else None,
            status=customer.status,
            sequence=customer.sequence,
        )
        return written == 1

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> bool:
        """Note that the original is gone, also of one never heard of; answers False when something newer is known."""
        return await self._execute(_MARK_DELETED, id=customer_id, user_id=user_id, sequence=sequence) == 1

    async def find(self, customer_id: UUID) -> Customer | None:
        """A customer, also a deleted one."""
        row = await self._fetch_one(_FIND, id=customer_id)
        return _to_customer(row) if row else None

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The user's own living customer."""
        row = await self._fetch_one(_OF_USER, user_id=user_id)
        return _to_customer(row) if row else None

    async def set_standing(self, user_id: UUID, standing: Standing, sequence: int) -> bool:
        """Note a user's standing; answers False when a newer one is known."""
        return await self._execute(_SET_STANDING, user_id=user_id, standing=standing, sequence=sequence) == 1

    async def standing(self, user_id: UUID) -> Standing:
        """A user's standing; good unless something else was told."""
        row = await self._fetch_one(_STANDING, user_id=user_id)
        return Standing(row["standing"]) if row else Standing.GOOD


def _to_customer(row: Row) -> Customer:
    return Customer(
        id=row["id"],
        sequence=row["sequence"],
        name=row["name"],
        status=row["status"],
        email=Email.trusted(row["email"]) if row["email"] is not None else None,
        user_id=row["user_id"],
    )
