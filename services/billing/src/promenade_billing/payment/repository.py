"""The ports of payments and of who carries them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import ListOf, Page, PageRequest, Sort

from promenade_billing.payment.entity import Answer, Charge, Payment, PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFilter:
    """Which payments a list shows; `user_id` is the owner of their invoices."""

    user_id: UUID | None = None
    invoice_id: UUID | None = None
    status: PaymentStatus | None = None


PAYMENTS = ListOf(Payment, PaymentFilter, Sort("created_at", datetime), own="user_id")


class Payments(Protocol):
    """All payments."""

    async def next_number(self, year: int) -> str:
        """A number that is higher than all before, `PAY-2026-000001`."""
        ...

    async def add(self, payment: Payment) -> None:
        """Store a new payment; the worker learns of it after the commit."""
        ...

    async def save(self, payment: Payment, *, end_lease: bool = False) -> None:
        """Store a change; raises `StaleVersion`. The worker learns of what is due after the commit."""
        ...

    async def get(self, payment_id: UUID) -> Payment:
        """A payment; raises `NotFound`."""
        ...

    async def list(self, wanted: PaymentFilter, page: PageRequest) -> Page[Payment]:
        """A page of the payments, as `PAYMENTS` declares the list."""
        ...

    async def lease(self, now: datetime, *, since: datetime, until: datetime, limit: int) -> Sequence[Payment]:
        """Take payments that are due `now`, longest waiting first, and keep other workers off them.

        The lease is real time, from `since` to `until`: that of a worker that died runs out.
        """
        ...

    async def end_lease(self, payment_id: UUID, until: datetime) -> None:
        """Let others take the payment when it is due again; nothing happens to a lease that is another one by now."""
        ...


class PaymentProvider(Protocol):
    """Who charges methods. All raise `ProviderSilent` when no answer comes in time."""

    @property
    def name(self) -> str:
        """What payments say of it: `simulated`."""
        ...

    def takes(self, method: str) -> bool:
        """Whether there is such a method."""
        ...

    async def charge(self, charge: Charge) -> Answer:
        """Charge a method, once for each key however often it is asked."""
        ...

    async def confirm(self, charge: Charge) -> Answer:
        """Go on with a charge for which the buyer has done his part."""
        ...

    async def find(self, charge: Charge) -> Answer | None:
        """What became of a charge; None when it never arrived."""
        ...
