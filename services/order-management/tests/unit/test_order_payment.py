"""What an order knows of its money: billing's amounts, the newest of them."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_entities import EUR, NOW, invoice, item, placed
from promenade_kernel.values.money import Money, Rate
from promenade_order_management.order.entity import InvoiceCopy, PaymentStatus


@pytest.mark.parametrize(
    ("paid", "refunded", "status"),
    [
        (0, 0, PaymentStatus.UNPAID),
        (1, 0, PaymentStatus.PARTIALLY_PAID),
        (99, 0, PaymentStatus.PARTIALLY_PAID),
        (100, 0, PaymentStatus.PAID),
        (101, 0, PaymentStatus.OVERPAID),
        (100, 1, PaymentStatus.PARTIALLY_REFUNDED),
        (100, 100, PaymentStatus.REFUNDED),
        (50, 50, PaymentStatus.REFUNDED),
    ],
)
def test_what_the_amounts_make(paid: int, refunded: int, status: PaymentStatus) -> None:
    """The payment status follows from the total and from billing's amounts alone."""
    order = placed(item(quantity=1, unit_price=Money(100, EUR), tax_rate=Rate("0")))

    order.take_over(invoice(order, paid=paid, refunded=refunded), "payment.succeeded", NOW)

    assert order.payment_status is status


def test_what_costs_nothing_is_paid_with_its_invoice() -> None:
    """Before there is an invoice nobody has said so."""
    order = placed(item(unit_price=Money(0, EUR)))
    before = order.payment_status

    order.take_over(invoice(order), "invoice.paid", NOW)

    assert (before, order.payment_status) == (PaymentStatus.UNPAID, PaymentStatus.PAID)


@given(st.permutations(range(1, 6)))
def test_the_highest_sequence_wins_in_any_order(arrival: list[int]) -> None:
    """News of one invoice travel as several subjects: they may come in any order, and twice."""
    order = placed()
    invoice_id = uuid4()
    told = {
        number: InvoiceCopy(
            id=invoice_id,
            sequence=number,
            number="INV-1" if number > 1 else None,
            paid=Money(number, EUR),
            refunded=Money(0, EUR),
            due=Money(5 - number, EUR),
        )
        for number in arrival
    }

    for number in [*arrival, *arrival]:
        order.take_over(told[number], "x", NOW)

    assert order.invoice == told[5]


def test_another_invoice_changes_nothing() -> None:
    """An order has one invoice."""
    order = placed()
    order.take_over(invoice(order), "invoice.finalized", NOW)
    known = order.invoice

    taken = order.take_over(replace(invoice(order), id=uuid4()), "x", NOW)

    assert not taken
    assert order.invoice == known
