"""Customers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from promenade_chassis.additions import Duplicates
from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values import codec
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from promenade_kernel.values.phone import Phone
from psycopg.types.json import Jsonb

from promenade_customer_management.customer.entity import (
    Customer,
    EmailTaken,
    Lifecycle,
    Tier,
    UserStatus,
    UserTaken,
)
from promenade_customer_management.customer.repository import CUSTOMERS, CustomerFilter

# The one place that leaves deleted customers out.
_LIVING = "SELECT * FROM customer WHERE deleted_at IS NULL"
_GET = _LIVING + " AND id = %(id)s"
_GET_WITH_DELETED = "SELECT * FROM customer WHERE id = %(id)s"
_OF_USER = _LIVING + " AND user_id = %(user_id)s"
_EVER_OF_USER = """
SELECT * FROM customer WHERE user_id = %(user_id)s ORDER BY deleted_at DESC NULLS FIRST LIMIT 1
"""
_OF_EMAIL = _LIVING + " AND lower(email) = lower(%(email)s)"
LIST = ListStatement(
    CUSTOMERS,
    select=_LIVING,
    where={
        "lifecycle": "lifecycle = %(lifecycle)s",
        "tier": "tier = %(tier)s",
        "owner_id": "owner_id = %(owner_id)s",
        "tag": "tags @> ARRAY[%(tag)s::text]",
        "q": """(strpos(lower(name), lower(%(q)s)) > 0 OR strpos(lower(email), lower(%(q)s)) > 0
            OR (%(q)s ~ '^[0-9+() ./-]+$' AND length(ltrim(regexp_replace(%(q)s, '[^0-9]', '', 'g'), '0')) > 2
                AND strpos(phone, ltrim(regexp_replace(%(q)s, '[^0-9]', '', 'g'), '0')) > 0))""",
    },
    sorts={"created_at": "created_at", "name": "name"},
)
_ALIKE = (
    "SELECT id FROM ("
    + _LIVING
    + ") AS living WHERE id <> %(id)s AND (phone = %(phone)s OR lower(name) = lower(%(name)s)) ORDER BY id LIMIT 10"
)
_INSERT = """
INSERT INTO customer (id, name, email, phone, user_id, user_status, lifecycle, disqualified_reason, churn_reason, tier,
    source, owner_id, tags, currency, timezone, locale, billing_address, version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(name)s, %(email)s, %(phone)s, %(user_id)s, %(user_status)s, %(lifecycle)s, %(disqualified_reason)s,
    %(churn_reason)s, %(tier)s, %(source)s, %(owner_id)s, %(tags)s, %(currency)s, %(timezone)s, %(locale)s,
    %(billing_address)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE customer
SET name = %(name)s, email = %(email)s, phone = %(phone)s, user_id = %(user_id)s, user_status = %(user_status)s,
    lifecycle = %(lifecycle)s, disqualified_reason = %(disqualified_reason)s, churn_reason = %(churn_reason)s,
    tier = %(tier)s, source = %(source)s, owner_id = %(owner_id)s, tags = %(tags)s, currency = %(currency)s,
    timezone = %(timezone)s, locale = %(locale)s, billing_address = %(billing_address)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_PLAIN_COLUMNS = (
    *("name", "email", "phone", "user_id", "user_status", "lifecycle", "disqualified_reason", "churn_reason"),
    *("tier", "source", "owner_id", "tags", "currency", "timezone", "locale"),
)
# By their text: the call of an enumeration takes ten times as long, three times a row.
_STATUSES = {each.value: each for each in UserStatus}
_LIFECYCLES = {each.value: each for each in Lifecycle}
_TIERS = {each.value: each for each in Tier}


class PostgresCustomers(BaseRepository):
    """The customers of the service's own database."""

    duplicates: ClassVar[Duplicates] = {"customer_email_once": EmailTaken, "customer_user_once": UserTaken}

    async def add(self, customer: Customer) -> None:
        """Store a new customer; raises `EmailTaken` or `UserTaken`."""
        await self._insert(customer, _INSERT, **_columns(customer))

    async def save(self, customer: Customer) -> None:
        """Store a change; raises `StaleVersion`, `EmailTaken` or `UserTaken`."""
        await self._update(customer, _UPDATE, **_columns(customer))

    async def get(self, customer_id: UUID) -> Customer:
        """A living customer; raises `NotFound`."""
        return _found(await self._fetch_one(_GET, id=customer_id))

    async def get_with_deleted(self, customer_id: UUID) -> Customer:
        """A customer, living or deleted; raises `NotFound`."""
        return _found(await self._fetch_one(_GET_WITH_DELETED, id=customer_id))

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The living customer linked to a user."""
        row = await self._fetch_one(_OF_USER, user_id=user_id)
        return _to_customer(row) if row else None

    async def ever_of_user(self, user_id: UUID) -> Customer | None:
        """The customer linked to a user, the newest deleted one when none lives."""
        row = await self._fetch_one(_EVER_OF_USER, user_id=user_id)
        return _to_customer(row) if row else None

    async def of_email(self, email: Email) -> Customer | None:
        """The living customer with that email, however it is spelled."""
        row = await self._fetch_one(_OF_EMAIL, email=email)
        return _to_customer(row) if row else None

    async def list(self, wanted: CustomerFilter, page: PageRequest) -> Page[Customer]:
        """A page of the living customers, as `CUSTOMERS` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return CUSTOMERS.cut([_to_customer(row) for row in rows], page)

    async def alike(self, customer: Customer) -> Sequence[UUID]:
        """Living customers with the same phone or name: likely duplicates, at most ten."""
        rows = await self._fetch_all(_ALIKE, id=customer.id, phone=customer.phone, name=customer.name)
        return [row["id"] for row in rows]


def _columns(customer: Customer) -> Row:
    columns = {name: getattr(customer, name) for name in _PLAIN_COLUMNS}
    address = customer.billing_address
    columns["billing_address"] = Jsonb(codec.to_plain(address)) if address else None
    return columns


def _found(row: Row | None) -> Customer:
    if row is None:
        raise NotFound("There is no such customer")
    return _to_customer(row)


def _to_customer(row: Row) -> Customer:
    email, phone, currency, address = row["email"], row["phone"], row["currency"], row["billing_address"]
    row["email"] = Email.trusted(email) if email else None
    row["phone"] = Phone.trusted(phone) if phone else None
    row["user_status"] = _STATUSES[row["user_status"]]
    row["lifecycle"] = _LIFECYCLES[row["lifecycle"]]
    row["tier"] = _TIERS[row["tier"]]
    row["currency"] = Currency.trusted(currency) if currency else None
    row["billing_address"] = codec.convert(address, Address) if address else None
    return Customer.stored(row)
