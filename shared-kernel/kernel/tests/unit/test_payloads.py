"""What payloads carry, and what they never do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from promenade_kernel.events.billing import InvoiceState, PaymentState
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.events.registry import all_events
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.events.schemas import schema_of
from promenade_kernel.values.totals import compute_totals

SECRET = re.compile(r"(^|_)(code|token|secret|password|hash|otp|pin|key)($|_)")
# A provider's reason for declining, such as card-declined: says nothing that opens anything.
NO_SECRETS = {"failure_code", "postal_code"}


def _names(schema: dict[str, Any]) -> Iterator[str]:
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", {})


@pytest.mark.parametrize("wire", all_events())
def test_no_event_carries_a_secret(wire: str):
    """Codes, tokens and secrets never travel."""
    names = set(_names(schema_of(all_events()[wire])))

    assert not {name for name in names - NO_SECRETS if SECRET.search(name)}


def test_billing_can_write_the_invoice_from_the_order():
    """The placed order's inputs give the placed order's totals: nothing is missing and nothing differs."""
    placed = SAMPLES["order.placed.v1"]
    assert isinstance(placed, OrderPlaced)

    whole = compute_totals(
        placed.currency,
        [line.as_cart_line() for line in placed.lines],
        tax_inclusive=placed.tax_inclusive,
        discount=placed.discount,
        shipping=placed.shipping.as_shipping() if placed.shipping else None,
    )

    assert whole.totals == placed.totals
    assert [(line.gross, line.discount, line.net, line.tax, line.total) for line in whole.lines] == [
        (line.gross, line.discount_total, line.net, line.tax, line.total) for line in placed.lines
    ]
    assert placed.shipping is not None
    assert whole.shipping is not None
    assert whole.shipping.total == placed.shipping.total


@pytest.mark.parametrize("wire", [wire for wire in all_events() if wire.startswith(("invoice.", "payment."))])
def test_money_events_carry_the_invoices_state(wire: str):
    """Orders copy amounts from any of them: order, currency, paid, refunded, due, and which is newest."""
    sample = SAMPLES[wire]

    assert isinstance(sample, InvoiceState)
    assert issubclass(type(sample), PaymentState) == wire.startswith("payment.")
    assert sample.order_id is not None
    assert {sample.amount_paid.currency, sample.amount_refunded.currency, sample.amount_due.currency} == {
        sample.currency
    }


@pytest.mark.parametrize("wire", ["customer.created.v1", "customer.updated.v1"])
def test_customer_events_carry_the_whole_copy(wire: str):
    """What orders and billing keep of a customer comes with every change."""
    assert set(schema_of(all_events()[wire])["properties"]) == {
        "customer_id",
        "name",
        "email",
        "user_id",
        "currency",
        "timezone",
        "billing_address",
        "status",
        "lifecycle",
    }
