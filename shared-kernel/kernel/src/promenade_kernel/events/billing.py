"""What billing publishes. Billing alone decides what is paid; the others copy these amounts."""

from uuid import UUID

from promenade_kernel.events.registry import Event, Instant, event
from promenade_kernel.values.money import Currency, Money

CONTEXT = "billing"


class InvoiceState(Event, frozen=True, kw_only=True):
    """What every event about an invoice's money carries: the whole state, so that the newest replaces all older.

    `invoice_sequence` rises with every change of the invoice, whichever event tells of it: a reader keeps the amounts
    of the highest. `amount_paid` is what was captured, refunds not taken off; `amount_due` is what is still to pay.
    """

    invoice_id: UUID
    invoice_sequence: int
    currency: Currency
    total: Money
    amount_paid: Money
    amount_refunded: Money
    amount_due: Money
    order_id: UUID | None = None
    customer_id: UUID | None = None
    user_id: UUID | None = None


@event("invoice.finalized.v1", context=CONTEXT)
class InvoiceFinalized(InvoiceState, frozen=True, kw_only=True):
    """An invoice got its number and cannot change any more."""

    number: str
    issued_at: Instant
    due_at: Instant


@event("invoice.paid.v1", context=CONTEXT)
class InvoicePaid(InvoiceState, frozen=True, kw_only=True):
    """Nothing is due any more."""

    number: str
    paid_at: Instant


@event("invoice.voided.v1", context=CONTEXT)
class InvoiceVoided(InvoiceState, frozen=True, kw_only=True):
    """An invoice was taken back before anything was paid; a draft that is voided has no number."""

    number: str | None = None
    reason: str | None = None
    voided_at: Instant


@event("invoice.rejected.v1", context=CONTEXT)
class InvoiceRejected(InvoiceState, frozen=True, kw_only=True):
    """An order's totals are not what its lines make: the invoice is held instead of charged.

    `total` is what billing computed from the lines, `order_total` what the order says.
    """

    order_total: Money
    reason: str


class PaymentState(InvoiceState, frozen=True, kw_only=True):
    """A payment, and with it the invoice's amounts after it."""

    payment_id: UUID
    payment_number: str | None = None
    invoice_number: str | None = None
    amount: Money
    method: str


@event("payment.succeeded.v1", context=CONTEXT)
class PaymentSucceeded(PaymentState, frozen=True, kw_only=True):
    """Money was captured."""

    succeeded_at: Instant


@event("payment.failed.v1", context=CONTEXT)
class PaymentFailed(PaymentState, frozen=True, kw_only=True):
    """No money came; `retryable` says whether the same method may be tried again."""

    failure_code: str
    retryable: bool
    failed_at: Instant
