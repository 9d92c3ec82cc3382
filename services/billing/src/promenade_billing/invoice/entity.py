"""An invoice: immutable from its number on, but for what is paid of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from promenade_chassis.ports import (
    Aggregate,
    Conflict,
    Fault,
    Invalid,
    InvalidTransition,
    StateMachine,
    invalid_field,
)
from promenade_kernel.events.billing import InvoiceFinalized, InvoicePaid, InvoiceRejected, InvoiceVoided
from promenade_kernel.values.money import Currency, Money
from promenade_kernel.values.totals import Totals

from promenade_billing.invoice.parts import Buyer, InvoiceLine, InvoiceShipping, Seller


class InvoiceStatus(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    HELD = "held"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


_DRAFT, _HELD, _OPEN, _PAID, _VOID, _LOST = InvoiceStatus

MACHINE = StateMachine(
    {
        "change": {_DRAFT: _DRAFT},
        "delete": {_DRAFT: _DRAFT},
        "hold": {_DRAFT: _HELD},
        "finalize": {_DRAFT: _OPEN},
        "accept": {_HELD: _OPEN},
        "settle": {_OPEN: _PAID, _LOST: _PAID},
        "void": {_OPEN: _VOID, _LOST: _VOID},
        "mark-uncollectible": {_OPEN: _LOST},
        "cancel": {_DRAFT: _VOID, _HELD: _VOID, _OPEN: _VOID, _LOST: _VOID},
    },
    # `hold`, `settle` and `cancel` follow from events; the others have no route yet.
    internal=frozenset({"hold", "settle", "cancel", "change", "delete", "finalize", "mark-uncollectible"}),
)


class InvoiceExists(Conflict):
    """An order makes exactly one invoice."""

    slug = "invoice-exists"
    title = "The order has its invoice already"
    advice = "Use the invoice that is there; `GET /billing/invoices` finds it by its order."


class InvoiceNotPayable(Conflict):
    """Only what is open can be paid."""

    slug = "invoice-not-payable"
    title = "The invoice cannot be paid in this state"
    advice = "Read the invoice: only while it is open or partially paid is there something to pay."
    example: ClassVar[Mapping[str, Any]] = {"detail": "The invoice is void", "state": "void"}

    def __init__(self, status: InvoiceStatus) -> None:
        super().__init__(f"The invoice is {status}", state=status.value)


class PaymentInProgress(Conflict):
    """What is due is being paid right now."""

    slug = "payment-in-progress"
    title = "A payment of this invoice is under way; wait until it is settled"
    advice = "Read the invoice again in a moment; pay what is due then."


class AmountExceedsDue(Invalid):
    """Nobody is charged more than he owes."""

    slug = "amount-exceeds-due"
    title = "The amount is more than what is due"
    advice = "Read the invoice again and pay at most `amount_due`."
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"pointer": "/amount", "detail": "No more than 12.00 EUR is due", "code": "amount-exceeds-due"}]
    }

    def __init__(self, due: Money) -> None:
        super().__init__([Fault("/amount", f"No more than {due} is due", self.slug)])


@dataclass(kw_only=True)
class Invoice(Aggregate):
    """The aggregate root. `amount_processing` is what payments under way have taken of the due.

    `facts_told` counts the events that carried its amounts, its own and its payments': the `invoice_sequence`.
    """

    status: InvoiceStatus = InvoiceStatus.DRAFT
    number: str | None = None
    order_id: UUID | None = None
    order_number: str | None = None
    customer_id: UUID | None = None
    user_id: UUID | None = None
    buyer: Buyer
    seller: Seller
    currency: Currency
    tax_inclusive: bool
    lines: tuple[InvoiceLine, ...]
    shipping: InvoiceShipping | None
    totals: Totals
    issued_at: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    voided_at: datetime | None = None
    void_reason: str | None = None
    overdue: bool = False
    amount_paid: Money
    amount_credited: Money
    amount_refunded: Money
    amount_processing: Money
    facts_told: int = 0

    @property
    def total(self) -> Money:
        """What was invoiced."""
        return self.totals.total

    @property
    def amount_due(self) -> Money:
        """What is still to pay; nothing of a void invoice."""
        nothing = Money.zero(self.currency)
        if self.status is InvoiceStatus.VOID:
            return nothing
        return max(nothing, self.total - self.amount_paid - self.amount_credited)

    @property
    def chargeable(self) -> Money:
        """What is due and not being paid yet."""
        return self.amount_due - self.amount_processing

    @property
    def allowed_actions(self) -> list[str]:
        """The commands an API caller may give now."""
        allowed = MACHINE.allowed(self.status)
        return allowed if self._is_untouched else [action for action in allowed if action != "void"]

    def finalize(self, number: str, now: datetime, due_at: datetime) -> None:
        """Issue a draft under its number; from here on nothing of it changes but what is paid."""
        self._issue("finalize", number, now, due_at)

    def accept(self, number: str, now: datetime, due_at: datetime) -> None:
        """Issue a held invoice with the totals its lines make."""
        self._issue("accept", number, now, due_at)

    def hold(self, order_total: Money, reason: str) -> None:
        """Keep a draft back: it is not what the order says."""
        self._move("hold")
        self.record(InvoiceRejected(**self.tell(), order_total=order_total, reason=reason))

    def void(self, reason: str, now: datetime) -> None:
        """Take it back; not while or after money comes in."""
        if self.amount_processing.amount:
            raise PaymentInProgress
        if not self._is_untouched:
            raise InvalidTransition(self.status, "void", self.allowed_actions)
        self._move("void")
        self.voided_at, self.void_reason = now, reason
        self.record(InvoiceVoided(**self.tell(), number=self.number, reason=reason, voided_at=now))

    def reserve(self, amount: Money | None) -> Money:
        """Set apart what a payment will charge, all that is chargeable unless `amount` says how much.

        Raises `InvoiceNotPayable`, `AmountExceedsDue`, or `PaymentInProgress` when only payments under way are
        in the way.
        """
        if not MACHINE.accepts(self.status, "settle"):
            raise InvoiceNotPayable(self.status)
        wanted = self.chargeable if amount is None else self._require_positive(amount)
        if wanted > self.amount_due:
            raise AmountExceedsDue(self.amount_due)
        if wanted > self.chargeable or not wanted.amount:
            raise PaymentInProgress
        self.amount_processing += wanted
        return wanted

    def release(self, amount: Money) -> None:
        """Give back what a payment that came to nothing had reserved."""
        self.amount_processing -= amount

    def capture(self, amount: Money) -> None:
        """Count what a payment had reserved as paid."""
        self.amount_processing -= amount
        self.amount_paid += amount

    def settle(self, now: datetime) -> None:
        """Become paid when nothing is due any more."""
        if self.amount_due.amount or self.number is None:
            return
        self._move("settle")
        self.paid_at = now
        self.record(InvoicePaid(**self.tell(), number=self.number, paid_at=now))

    def tell(self) -> dict[str, Any]:
        """The fields of `InvoiceState`, for an event to carry; each telling counts one up."""
        self.facts_told += 1
        return {
            "invoice_id": self.id,
            "invoice_sequence": self.facts_told,
            "currency": self.currency,
            "total": self.total,
            "amount_paid": self.amount_paid,
            "amount_refunded": self.amount_refunded,
            "amount_due": self.amount_due,
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "user_id": self.user_id,
        }

    def _issue(self, command: str, number: str, now: datetime, due_at: datetime) -> None:
        self._move(command)
        self.number, self.issued_at, self.due_at = number, now, due_at
        self.record(InvoiceFinalized(**self.tell(), number=number, issued_at=now, due_at=due_at))
        self.settle(now)

    def _move(self, command: str) -> None:
        self.status = MACHINE.next_state(self.status, command)

    def _require_positive(self, amount: Money) -> Money:
        if amount.currency != self.currency:
            raise invalid_field("/amount/currency", "currency-mismatch", f"The invoice is in {self.currency}")
        if amount.amount < 1:
            raise invalid_field("/amount/amount", "out-of-range", "A payment is of at least one minor unit")
        return amount

    @property
    def _is_untouched(self) -> bool:
        return not (self.amount_paid.amount or self.amount_credited.amount or self.amount_processing.amount)
