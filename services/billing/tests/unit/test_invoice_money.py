"""What may be paid of an invoice, and what it makes of that."""

from __future__ import annotations

import random

import pytest
from billing_orders import EUR, NOW, draft, euro, open_invoice, order_placed, tea
from promenade_billing.invoice.entity import (
    MACHINE,
    AmountExceedsDue,
    Invoice,
    InvoiceNotPayable,
    InvoiceStatus,
    PaymentInProgress,
)
from promenade_chassis.ports import Invalid, InvalidTransition
from promenade_kernel.events.billing import InvoicePaid
from promenade_kernel.values.money import Money


def test_a_payment_reserves_all_that_is_due_unless_told_otherwise() -> None:
    """Without an amount everything chargeable is meant."""
    invoice = open_invoice()
    first = invoice.reserve(euro(1000))

    second = invoice.reserve(None)

    assert (first, second) == (euro(1000), euro(2000))
    assert (invoice.amount_processing, invoice.chargeable, invoice.amount_due) == (euro(3000), euro(0), euro(3000))


@pytest.mark.parametrize(
    ("reserved", "wanted", "error"),
    [
        pytest.param(0, 3001, AmountExceedsDue, id="more than is due"),
        pytest.param(1000, 3001, AmountExceedsDue, id="more than is due, also while something is paid"),
        pytest.param(1000, 2001, PaymentInProgress, id="due, but partly being paid"),
        pytest.param(3000, 1, PaymentInProgress, id="all of it is being paid"),
        pytest.param(3000, None, PaymentInProgress, id="the rest, and there is none"),
        pytest.param(0, 0, Invalid, id="nothing"),
        pytest.param(0, -1, Invalid, id="less than nothing"),
    ],
)
def test_nobody_is_charged_more_than_he_owes(reserved: int, wanted: int | None, error: type[Exception]) -> None:
    """In progress when only payments under way are in the way, too much when it is more than is due at all."""
    invoice = open_invoice()
    if reserved:
        invoice.reserve(euro(reserved))

    with pytest.raises(error) as refused:
        invoice.reserve(None if wanted is None else euro(wanted))

    assert type(refused.value) is error
    assert invoice.amount_processing == euro(reserved)


def test_a_payment_is_in_the_invoices_currency() -> None:
    """Nothing is converted."""
    with pytest.raises(Invalid) as refused:
        open_invoice().reserve(Money.of(100, "USD"))

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/amount/currency", "currency-mismatch")
    ]


@pytest.mark.parametrize("status", [status for status in InvoiceStatus if not MACHINE.accepts(status, "settle")])
def test_only_what_is_open_can_be_paid(status: InvoiceStatus) -> None:
    """A draft, held, paid or void invoice takes no money."""
    invoice = draft()
    invoice.status = status

    with pytest.raises(InvoiceNotPayable) as refused:
        invoice.reserve(None)

    assert refused.value.extra == {"state": status.value}


def test_what_was_given_up_can_still_be_paid() -> None:
    """Uncollectible is an opinion; money that comes settles it."""
    invoice = open_invoice()
    invoice.status = InvoiceStatus.UNCOLLECTIBLE

    invoice.capture(invoice.reserve(None))
    invoice.settle(NOW)

    assert invoice.status is InvoiceStatus.PAID


def test_part_payments_add_up_to_paid() -> None:
    """Paid when nothing is due any more, not earlier, and told once."""
    invoice = open_invoice()

    for amount in (1000, 1999, 1):
        assert invoice.status is InvoiceStatus.OPEN
        invoice.capture(invoice.reserve(euro(amount)))
        invoice.settle(NOW)

    assert (invoice.status, invoice.amount_paid, invoice.amount_due) == (InvoiceStatus.PAID, euro(3000), euro(0))
    events = [event for event in invoice.recorded() if isinstance(event, InvoicePaid)]
    assert [(event.amount_paid, event.amount_due, event.paid_at) for event in events] == [(euro(3000), euro(0), NOW)]


def test_no_walk_breaks_the_invoice() -> None:
    """However payments begin, fail and succeed: paid and due make the total, nothing is promised beyond the due."""
    dice = random.Random(20260301)
    steps = 0
    while steps < 10_000:
        steps += _walk(open_invoice(order_placed(tea(price=dice.randint(0, 50)))), dice)


def _walk(invoice: Invoice, dice: random.Random) -> int:
    under_way: list[Money] = []
    told_by_payments: list[int] = []
    steps = 0
    while steps < 40 and MACHINE.accepts(invoice.status, "settle"):
        steps += 1
        command = dice.choice(["reserve", "reserve", "capture", "release", "void"])
        try:
            if command == "reserve":
                under_way.append(invoice.reserve(dice.choice([None, euro(dice.randint(1, 60))])))
            elif command == "void" and dice.random() < 0.1:
                invoice.void("a mistake", NOW)
            elif command == "capture" and under_way:
                invoice.capture(under_way.pop())
                told_by_payments.append(invoice.tell()["invoice_sequence"])
                invoice.settle(NOW)
            elif command == "release" and under_way:
                invoice.release(under_way.pop())
        except (PaymentInProgress, AmountExceedsDue, InvoiceNotPayable, InvalidTransition):
            pass
        _must_hold(invoice, under_way)
    told = [*told_by_payments, *(getattr(event, "invoice_sequence", 0) for event in invoice.recorded())]
    assert sorted(told) == list(range(1, invoice.facts_told + 1))
    return max(steps, 1)


def _must_hold(invoice: Invoice, under_way: list[Money]) -> None:
    nothing = euro(0)
    assert invoice.amount_processing == Money.sum(under_way, EUR)
    assert invoice.amount_processing <= invoice.amount_due
    assert nothing <= invoice.chargeable
    if invoice.status is not InvoiceStatus.VOID:
        assert invoice.amount_paid + invoice.amount_due == invoice.total
    assert (invoice.status is InvoiceStatus.PAID) == (invoice.amount_paid == invoice.total)
    assert invoice.status is not InvoiceStatus.VOID or invoice.amount_paid == nothing
