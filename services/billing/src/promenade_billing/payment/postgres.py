"""Payments in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from promenade_chassis.database import Database
from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.events.envelope import Cause
from promenade_kernel.values import codec
from promenade_kernel.values.money import Currency, Money
from psycopg.types.json import Jsonb

from promenade_billing.payment.entity import Failure, Payment, PaymentStatus
from promenade_billing.payment.repository import PAYMENTS, PaymentFilter

_LIVING = "SELECT * FROM payment WHERE deleted_at IS NULL"
_GET = _LIVING + " AND id = %(id)s"
LIST = ListStatement(
    PAYMENTS,
    select=_LIVING,
    where={
        "user_id": """EXISTS (
            SELECT FROM invoice WHERE invoice.id = payment.invoice_id AND (invoice.user_id = %(user_id)s OR (
                invoice.user_id IS NULL
                AND invoice.customer_id IN (SELECT id FROM customer WHERE customer.user_id = %(user_id)s))))""",
        "invoice_id": "invoice_id = %(invoice_id)s",
        "status": "status = %(status)s",
    },
    sorts={"created_at": "created_at"},
)
_NEXT_NUMBER = "SELECT nextval('payment_number') AS number"
_INSERT = """
INSERT INTO payment (
    id, number, invoice_id, amount, currency, method, provider, provider_ref, attempt, status, failure_code,
    failure_retryable, refunded_amount, confirmed_at, settled_at, due_at, looks, cause, version, last_sequence,
    created_at, updated_at)
VALUES (
    %(id)s, %(number)s, %(invoice_id)s, %(amount)s, %(currency)s, %(method)s, %(provider)s, %(provider_ref)s,
    %(attempt)s, %(status)s, %(failure_code)s, %(failure_retryable)s, %(refunded_amount)s, %(confirmed_at)s,
    %(settled_at)s, %(due_at)s, %(looks)s, %(cause)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE payment
SET provider_ref = %(provider_ref)s, attempt = %(attempt)s, status = %(status)s, failure_code = %(failure_code)s,
    failure_retryable = %(failure_retryable)s, refunded_amount = %(refunded_amount)s, confirmed_at = %(confirmed_at)s,
    settled_at = %(settled_at)s, due_at = %(due_at)s, looks = %(looks)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s,
    leased_until = CASE WHEN NOT %(end_lease)s THEN leased_until END
WHERE id = %(id)s AND version = %(expected_version)s
"""
# Materialized, or the planner might take rows more than once.
_LEASE = """
WITH due AS MATERIALIZED (
    SELECT id FROM payment
    WHERE due_at <= %(now)s AND (leased_until IS NULL OR leased_until <= %(since)s)
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE payment SET leased_until = %(until)s FROM due WHERE payment.id = due.id
RETURNING payment.*
"""
_END_LEASE = "UPDATE payment SET leased_until = NULL WHERE id = %(id)s AND leased_until = %(until)s"


class PostgresPayments(BaseRepository):
    """The payments of the service's own database; `when_due` is called after each commit that leaves one to go on."""

    def __init__(self, database: Database, when_due: Callable[[], None] | None = None) -> None:
        super().__init__(database)
        self._when_due = when_due

    async def next_number(self, year: int) -> str:
        """A number that is higher than all before, `PAY-2026-000001`."""
        row = await self._write_one(_NEXT_NUMBER)
        if row is None:
            raise AssertionError("a sequence has a next value")
        return f"PAY-{year}-{row['number']:06d}"

    async def add(self, payment: Payment) -> None:
        """Store a new payment; the worker learns of it after the commit."""
        await self._insert(payment, _INSERT, **_columns(payment))
        self._announce(payment)

    async def save(self, payment: Payment, *, end_lease: bool = False) -> None:
        """Store a change; raises `StaleVersion`. The worker learns of what is due after the commit."""
        await self._update(payment, _UPDATE, **_columns(payment), end_lease=end_lease)
        self._announce(payment)

    async def get(self, payment_id: UUID) -> Payment:
        """A payment; raises `NotFound`."""
        row = await self._fetch_one(_GET, id=payment_id)
        if row is None:
            raise NotFound("There is no such payment")
        return _to_payment(row)

    async def list(self, wanted: PaymentFilter, page: PageRequest) -> Page[Payment]:
        """A page of the payments, as `PAYMENTS` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return PAYMENTS.cut([_to_payment(row) for row in rows], page)

    async def lease(self, now: datetime, *, since: datetime, until: datetime, limit: int) -> Sequence[Payment]:
        """Take payments that are due `now`, longest waiting first, and keep other workers off them."""
        connection = self._database.writing_connection()
        cursor = await connection.execute(_LEASE, {"now": now, "since": since, "until": until, "limit": limit})
        return [_to_payment(row) for row in await cursor.fetchall()]

    async def end_lease(self, payment_id: UUID, until: datetime) -> None:
        """Let others take the payment when it is due again."""
        await self._execute(_END_LEASE, id=payment_id, until=until)

    def _announce(self, payment: Payment) -> None:
        if self._when_due is not None and payment.status is PaymentStatus.PROCESSING:
            self._database.on_commit(self._when_due)


def _columns(payment: Payment) -> Row:
    failure = payment.failure
    return {
        **{name: getattr(payment, name) for name in _COPIED},
        "amount": payment.amount.amount,
        "currency": str(payment.amount.currency),
        "refunded_amount": payment.refunded_amount.amount,
        "failure_code": failure.code if failure else None,
        "failure_retryable": failure.retryable if failure else None,
        "cause": Jsonb(codec.to_plain(payment.cause)),
    }


def _to_payment(row: Row) -> Payment:
    currency = Currency.trusted(row["currency"])
    copied: dict[str, Any] = {name: row[name] for name in (*_COPIED, *_KEPT_BY_THE_BASE)}
    copied["status"] = PaymentStatus(row["status"])
    failed = row["failure_code"] is not None
    return Payment(
        **copied,
        amount=Money(row["amount"], currency),
        refunded_amount=Money(row["refunded_amount"], currency),
        failure=Failure(row["failure_code"], row["failure_retryable"]) if failed else None,
        cause=codec.convert(row["cause"], Cause),
    )


_COPIED = (
    *("number", "invoice_id", "method", "provider", "provider_ref", "attempt", "status"),
    *("confirmed_at", "settled_at", "due_at", "looks"),
)
_KEPT_BY_THE_BASE = ("id", "version", "last_sequence", "created_at", "updated_at", "deleted_at")
