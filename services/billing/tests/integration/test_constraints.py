"""What the database refuses, whoever writes it: the invariants once more, where no code can miss them."""

from __future__ import annotations

from typing import LiteralString

import pytest
from billing_orders import euro, order_placed, tea
from billing_rooms import World
from promenade_chassis.database import Database
from promenade_kernel.values.money import Rate
from promenade_kernel.values.totals import Shipping
from psycopg.errors import CheckViolation, ForeignKeyViolation, IntegrityError, NotNullViolation, UniqueViolation


async def write(database: Database, *statements: LiteralString) -> None:
    async with database.begin():
        for statement in statements:
            await database.writing_connection().execute(statement)


@pytest.fixture
async def written(real: World) -> World:
    """One open invoice over 51.39 of two lines and shipping, partly paid, with payments of several kinds."""
    order = order_placed(
        tea(), tea(price=500, quantity=3), shipping=Shipping(name="Post", price=euro(490), tax_rate=Rate("0.10"))
    )
    invoice = await real.invoice_of(order)
    await real.settle(invoice, amount=euro(1000))
    await real.settle(invoice, "pm_decline_soft", amount=euro(1000))
    await real.pay(invoice, amount=euro(500))
    return real


REFUSED: dict[LiteralString, str] = {
    "UPDATE invoice SET amount_paid = -1": "invoice_amount_paid_check",
    "UPDATE invoice SET amount_due = amount_due - 1": "invoice_due",
    "UPDATE invoice SET amount_paid = amount_paid + 1": "invoice_due",
    "UPDATE invoice SET amount_credited = 1": "invoice_due",
    "UPDATE invoice SET amount_processing = amount_due + 1": "invoice_never_charged_twice",
    "UPDATE invoice SET amount_processing = -1": "invoice_amount_processing_check",
    "UPDATE invoice SET amount_refunded = amount_paid + 1": "invoice_check1",
    "UPDATE invoice SET amount_paid = total + 1, amount_due = 0, amount_processing = 0": "invoice_never_overpaid",
    "UPDATE invoice SET status = 'paid', paid_at = now()": "invoice_paid",
    "UPDATE invoice SET paid_at = now()": "invoice_paid",
    "UPDATE invoice SET status = 'lost'": "invoice_status_check",
    "UPDATE invoice SET status = 'draft'": "invoice_issued",
    "UPDATE invoice SET number = NULL": "invoice_issued",
    "UPDATE invoice SET due_at = NULL": "invoice_issued",
    "UPDATE invoice SET status = 'void', voided_at = now(), amount_due = 0, amount_processing = 0": "invoice_void",
    "UPDATE invoice SET total = total + 1, amount_due = amount_due + 1": "invoice_adds_up",
    "UPDATE invoice SET tax = tax - 1, shipping = shipping + 1": "invoice_adds_up",
    "UPDATE invoice SET subtotal = subtotal + 1": "invoice_adds_up",
    "UPDATE invoice SET shipping_tax = shipping_tax + 1": "invoice_adds_up",
    "UPDATE invoice SET shipping_name = NULL": "invoice_shipping",
    "UPDATE invoice SET discount = subtotal + 1": "invoice_check",
    "UPDATE invoice_line SET net = net + 1": "invoice_line_total",
    "UPDATE invoice_line SET net = net + 1, total = total + 1 WHERE position = 1": "invoice_adds_up",
    "UPDATE invoice_line SET quantity = quantity + 1": "invoice_line_gross",
    "UPDATE invoice_line SET quantity = 0, gross = 0": "invoice_line_quantity_check",
    "UPDATE invoice_line SET discount_amount = 1, discount_percent = '1'": "invoice_line_one_discount",
    "DELETE FROM invoice_line WHERE position = 0": "invoice_adds_up",
    "UPDATE payment SET amount = 0": "payment_amount_check",
    "UPDATE payment SET refunded_amount = amount + 1": "payment_check",
    "UPDATE payment SET refunded_amount = 1 WHERE status = 'failed'": "payment_refundable",
    "UPDATE payment SET status = 'gone', due_at = NULL WHERE status = 'processing'": "payment_status_check",
    "UPDATE payment SET failure_code = NULL WHERE status = 'failed'": "payment_failure",
    "UPDATE payment SET settled_at = NULL WHERE status = 'succeeded'": "payment_settled",
    "UPDATE payment SET provider_ref = NULL WHERE status = 'succeeded'": "payment_captured",
    "UPDATE payment SET due_at = NULL WHERE status = 'processing'": "payment_goes_on",
    "UPDATE customer SET name = NULL": "customer_named",
    "UPDATE number_series SET last = 0": "number_series_last_check",
    "UPDATE simulated_provider.charge SET captured_at = NULL": "charge_captured",
}
TORN: dict[LiteralString, type[IntegrityError]] = {
    "UPDATE invoice SET number = 'INV-2026-000001', order_id = NULL": UniqueViolation,
    "UPDATE payment SET number = 'PAY-2026-000001'": UniqueViolation,
    "UPDATE payment SET invoice_id = gen_random_uuid()": ForeignKeyViolation,
    "DELETE FROM invoice": ForeignKeyViolation,
    "UPDATE invoice SET total = NULL": NotNullViolation,
}


async def test_what_must_never_be_is_refused(written: World, database: Database) -> None:
    """Each invariant has a constraint of the database behind it."""
    await written.customer_appears(None)
    refused: dict[str, str | None] = {}

    for statement in REFUSED:
        with pytest.raises(CheckViolation) as refusal:
            await write(database, statement)
        refused[statement] = refusal.value.diag.constraint_name

    assert refused == REFUSED


async def test_what_belongs_together_stays_together(written: World, database: Database) -> None:
    """Numbers are given once, payments have an invoice, amounts are always known."""
    await written.place()

    for statement, error in TORN.items():
        with pytest.raises(error):
            await write(database, statement)


async def test_lines_may_change_as_long_as_they_add_up(written: World, database: Database) -> None:
    """The sum is looked at when the transaction ends, not in between."""
    await write(
        database,
        "UPDATE invoice_line SET net = net + 1, tax = tax - 1 WHERE position = 0",
        "UPDATE invoice_line SET net = net - 1, tax = tax + 1 WHERE position = 1",
    )
