"""The rules of an invoice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from billing_orders import EUR, NOW, TERMS, draft, euro, open_invoice, order_placed, tea
from promenade_billing.invoice.entity import (
    MACHINE,
    AmountExceedsDue,
    Invoice,
    InvoiceNotPayable,
    InvoiceStatus,
    PaymentInProgress,
)
from promenade_chassis.ports import Invalid, InvalidTransition
from promenade_kernel.events.billing import InvoiceFinalized, InvoicePaid, InvoiceRejected, InvoiceVoided
from promenade_kernel.values.money import Money

DUE_AT = TERMS.due_at(NOW)


def held() -> Invoice:
    invoice = draft()
    invoice.hold(euro(3001), "totals-differ")
    return invoice


def paid() -> Invoice:
    invoice = open_invoice()
    invoice.capture(invoice.reserve(None))
    invoice.settle(NOW)
    return invoice


def void() -> Invoice:
    invoice = open_invoice()
    invoice.void("a mistake", NOW)
    return invoice


def uncollectible() -> Invoice:
    invoice = open_invoice()
    invoice.status = InvoiceStatus.UNCOLLECTIBLE
    return invoice


IN_STATE: dict[InvoiceStatus, Callable[[], Invoice]] = {
    InvoiceStatus.DRAFT: draft,
    InvoiceStatus.HELD: held,
    InvoiceStatus.OPEN: open_invoice,
    InvoiceStatus.PAID: paid,
    InvoiceStatus.VOID: void,
    InvoiceStatus.UNCOLLECTIBLE: uncollectible,
}
COMMANDS: dict[str, Callable[[Invoice], None]] = {
    "hold": lambda invoice: invoice.hold(euro(1), "totals-differ"),
    "finalize": lambda invoice: invoice.finalize("INV-2026-000009", NOW, DUE_AT),
    "accept": lambda invoice: invoice.accept("INV-2026-000009", NOW, DUE_AT),
    "void": lambda invoice: invoice.void("a mistake", NOW),
}


@pytest.mark.parametrize("status", InvoiceStatus)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_state(status: InvoiceStatus, command: str) -> None:
    """The table decides: a command leads where it says, or is refused with what is allowed and changes nothing."""
    invoice = IN_STATE[status]()
    target = MACHINE.table[command].get(status)
    told = invoice.facts_told

    if target is not None:
        COMMANDS[command](invoice)
        assert invoice.status is target
        return

    with pytest.raises(InvalidTransition) as refused:
        COMMANDS[command](invoice)
    assert refused.value.extra["allowed"] == invoice.allowed_actions
    assert (invoice.status, invoice.facts_told) == (status, told)


@pytest.mark.parametrize("status", InvoiceStatus)
def test_allowed_actions_are_what_the_api_offers(status: InvoiceStatus) -> None:
    """Nobody is offered a command that follows from events, or that has no route."""
    offered = {InvoiceStatus.HELD: ["accept"], InvoiceStatus.OPEN: ["void"], InvoiceStatus.UNCOLLECTIBLE: ["void"]}

    assert IN_STATE[status]().allowed_actions == offered.get(status, [])


def test_the_table_is_the_designs() -> None:
    """Every transition of the design, and no other."""
    moves = {(command, before, after) for command, table in MACHINE.table.items() for before, after in table.items()}

    assert moves == {
        ("change", "draft", "draft"),
        ("delete", "draft", "draft"),
        ("hold", "draft", "held"),
        ("finalize", "draft", "open"),
        ("accept", "held", "open"),
        ("settle", "open", "paid"),
        ("settle", "uncollectible", "paid"),
        ("void", "open", "void"),
        ("void", "uncollectible", "void"),
        ("mark-uncollectible", "open", "uncollectible"),
        ("cancel", "draft", "void"),
        ("cancel", "held", "void"),
        ("cancel", "open", "void"),
        ("cancel", "uncollectible", "void"),
    }


def test_finalizing_gives_number_and_dates_and_tells_of_it() -> None:
    """From the number on the invoice stands; the event says what is due until when."""
    invoice = draft()

    invoice.finalize("INV-2026-000007", NOW, DUE_AT)

    assert (invoice.number, invoice.issued_at, invoice.due_at) == ("INV-2026-000007", NOW, NOW + timedelta(days=14))
    (event,) = invoice.recorded()
    assert isinstance(event, InvoiceFinalized)
    assert (event.invoice_sequence, event.number, event.total) == (1, "INV-2026-000007", euro(3000))
    assert (event.amount_paid, event.amount_refunded, event.amount_due) == (euro(0), euro(0), euro(3000))
    assert (event.order_id, event.user_id) == (invoice.order_id, invoice.user_id)


def test_an_invoice_over_nothing_is_paid_at_once() -> None:
    """When nothing is due there is nothing to wait for: finalized and paid, told in that order."""
    invoice = draft(order_placed(tea(price=0)))

    invoice.finalize("INV-2026-000001", NOW, DUE_AT)

    assert (invoice.status, invoice.paid_at) == (InvoiceStatus.PAID, NOW)
    assert [type(event) for event in invoice.recorded()] == [InvoiceFinalized, InvoicePaid]


def test_a_held_invoice_tells_both_totals() -> None:
    """Orders learns that its total was refused, and what billing computes."""
    invoice = held()

    (event,) = invoice.recorded()
    assert isinstance(event, InvoiceRejected)
    assert (event.total, event.order_total, event.reason) == (euro(3000), euro(3001), "totals-differ")
    assert invoice.number is None


def test_voiding_leaves_nothing_due() -> None:
    """A void invoice keeps its number and says why it was taken back."""
    invoice = void()

    assert (invoice.number, invoice.amount_due, invoice.void_reason) == ("INV-2026-000001", euro(0), "a mistake")
    event = invoice.recorded()[-1]
    assert isinstance(event, InvoiceVoided)
    assert (event.amount_due, event.reason, event.voided_at) == (euro(0), "a mistake", NOW)


def test_what_is_being_paid_cannot_be_voided() -> None:
    """Money on its way would arrive at an invoice that is no more."""
    invoice = open_invoice()
    invoice.reserve(euro(1))

    with pytest.raises(PaymentInProgress):
        invoice.void("a mistake", NOW)
    assert (invoice.status, invoice.allowed_actions) == (InvoiceStatus.OPEN, [])


def test_what_is_partly_paid_cannot_be_voided() -> None:
    """Nothing paid is the condition; a cent is enough to break it."""
    invoice = open_invoice()
    invoice.capture(invoice.reserve(euro(1)))

    with pytest.raises(InvalidTransition) as refused:
        invoice.void("a mistake", NOW)
    assert refused.value.extra["allowed"] == []


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
    with pytest.raises(InvoiceNotPayable) as refused:
        IN_STATE[status]().reserve(None)

    assert refused.value.extra == {"state": status.value}


def test_what_was_given_up_can_still_be_paid() -> None:
    """Uncollectible is an opinion; money that comes settles it."""
    invoice = uncollectible()

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
