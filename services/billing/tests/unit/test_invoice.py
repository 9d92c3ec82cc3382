"""The rules of an invoice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from billing_orders import NOW, TERMS, draft, euro, open_invoice, order_placed, tea
from promenade_billing.invoice.entity import (
    MACHINE,
    Invoice,
    InvoiceStatus,
    PaymentInProgress,
)
from promenade_chassis.ports import InvalidTransition
from promenade_kernel.events.billing import InvoiceFinalized, InvoicePaid, InvoiceRejected, InvoiceVoided

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
