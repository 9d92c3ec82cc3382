"""The routes of payments, with fakes behind them: what each answers, and what comes of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from billing_orders import euro
from billing_rooms import PAYMENTS, World, begin_payment, path_of
from promenade_billing.invoice.entity import Invoice
from promenade_chassis.testing.answers import problem_of
from promenade_kernel.events.billing import InvoiceFinalized, InvoicePaid, PaymentFailed, PaymentSucceeded

MEMBERS = {
    *("id", "version", "created_at", "updated_at", "number", "status", "allowed_actions", "invoice_id", "amount"),
    *("refunded_amount", "method", "provider", "provider_ref", "attempt", "failure", "settled_at"),
}


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def events(world: World) -> list[Any]:
    return world.rooms.payment.unit_of_work.events  # type: ignore[attr-defined, no-any-return]


async def read(client: httpx.AsyncClient, payment: dict[str, Any]) -> dict[str, Any]:
    return (await client.get(f"{PAYMENTS}/{payment['id']}")).json()


@pytest.fixture
async def invoice(world: World, user_id: UUID) -> Invoice:
    """An invoice of the client's over 30.00."""
    return await world.place(user_id)


async def test_a_payment_begins_processing(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """POST answers 201 before the provider is asked; the invoice shows what is under way."""
    answer = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"})

    payment = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert answer.headers["location"] == f"{PAYMENTS}/{payment['id']}"
    assert payment.keys() == MEMBERS
    assert (payment["status"], payment["amount"], payment["attempt"]) == ("processing", eur(3000), 1)
    assert (payment["number"], payment["invoice_id"]) == ("PAY-2026-000001", str(invoice.id))
    assert (payment["provider_ref"], payment["failure"], payment["settled_at"]) == (None, None, None)
    assert await read(client, payment) == payment
    shown = (await client.get(path_of(invoice))).json()
    assert (shown["amount_processing"], shown["amount_due"], shown["status"]) == (eur(3000), eur(3000), "open")


async def test_a_paid_invoice_is_told_of(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """The payment succeeds, the invoice is paid; both events carry the amounts, numbered one after the other."""
    payment = await begin_payment(client, invoice)

    await world.work()

    payment = await read(client, payment)
    assert (payment["status"], payment["settled_at"]) == ("succeeded", "2026-03-01T12:00:00Z")
    assert payment["provider_ref"]
    shown = (await client.get(path_of(invoice))).json()
    assert (shown["status"], shown["paid_at"]) == ("paid", "2026-03-01T12:00:00Z")
    assert (shown["amount_paid"], shown["amount_due"], shown["amount_processing"]) == (eur(3000), eur(0), eur(0))
    finalized, succeeded, paid = events(world)
    assert [type(event) for event in (finalized, succeeded, paid)] == [InvoiceFinalized, PaymentSucceeded, InvoicePaid]
    assert [event.invoice_sequence for event in (finalized, succeeded, paid)] == [1, 2, 3]
    assert (succeeded.amount, succeeded.amount_paid, succeeded.amount_due) == (euro(3000), euro(3000), euro(0))
    assert (succeeded.order_id, succeeded.user_id) == (invoice.order_id, invoice.user_id)
    assert (succeeded.invoice_number, succeeded.payment_number) == ("INV-2026-000001", "PAY-2026-000001")
    assert (paid.number, paid.amount_paid, paid.amount_due) == ("INV-2026-000001", euro(3000), euro(0))


@pytest.mark.parametrize(
    ("method", "code", "retryable"),
    [
        ("pm_decline_soft", "card-declined", True),
        ("pm_decline_hard", "card-lost", False),
        ("pm_insufficient_funds", "insufficient-funds", True),
    ],
)
async def test_a_declined_payment_leaves_all_due(
    client: httpx.AsyncClient, world: World, invoice: Invoice, method: str, code: str, retryable: bool
) -> None:
    """It failed for a reason, the invoice is open, and another method may be tried at once."""
    payment = await begin_payment(client, invoice, method)

    await world.work()

    payment = await read(client, payment)
    assert (payment["status"], payment["failure"]) == ("failed", {"code": code, "retryable": retryable})
    failed = events(world)[-1]
    assert isinstance(failed, PaymentFailed)
    assert (failed.failure_code, failed.retryable, failed.amount_due) == (code, retryable, euro(3000))
    again = await begin_payment(client, invoice)
    await world.work()
    assert (await read(client, again))["status"] == "succeeded"


async def test_an_action_is_asked_for_and_confirmed(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """Until the buyer confirms nothing is charged; confirmed, it goes on."""
    payment = await begin_payment(client, invoice, "pm_requires_action")
    await world.work()
    waiting = await read(client, payment)

    confirmed = await client.post(f"{PAYMENTS}/{payment['id']}/confirm")
    await world.work()

    assert (waiting["status"], waiting["allowed_actions"]) == ("requires-action", ["confirm"])
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "processing")
    assert (await read(client, payment))["status"] == "succeeded"
    assert (await world.invoice(invoice)).amount_paid == euro(3000)


async def test_an_action_not_taken_in_time_is_over(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """After a quarter of an hour the payment is cancelled, and what it had reserved can be paid otherwise."""
    payment = await begin_payment(client, invoice, "pm_requires_action")
    await world.work()
    world.clock.advance(minutes=14)
    await world.work()
    assert (await read(client, payment))["status"] == "requires-action"

    world.clock.advance(minutes=1)
    await world.work()

    assert (await read(client, payment))["status"] == "cancelled"
    problem = problem_of(await client.post(f"{PAYMENTS}/{payment['id']}/confirm"), 409, "invalid-transition")
    assert problem["allowed"] == []
    await begin_payment(client, invoice)


@pytest.mark.parametrize(
    ("method", "status", "paid"), [("pm_timeout_then_ok", "succeeded", 3000), ("pm_timeout_then_declined", "failed", 0)]
)
async def test_a_lost_answer_is_found_out(
    client: httpx.AsyncClient, world: World, invoice: Invoice, method: str, status: str, paid: int
) -> None:
    """Unknown until it is looked up after a minute; meanwhile nobody can be charged a second time."""
    payment = await begin_payment(client, invoice, method)
    await world.work()
    assert (await read(client, payment))["status"] == "unknown"
    again = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"})
    problem_of(again, 409, "payment-in-progress")

    world.clock.advance(minutes=1)
    await world.work()

    assert (await read(client, payment))["status"] == status
    assert (await world.invoice(invoice)).amount_paid == euro(paid)


async def test_what_nobody_finds_out_needs_attention(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """The amount stays reserved: as long as it may have been charged, it is not charged again."""
    payment = await begin_payment(client, invoice, "pm_unknown")
    await world.work()

    for _ in range(10):
        assert (await read(client, payment))["status"] == "unknown"
        world.clock.advance(days=1)
        await world.work()

    assert (await read(client, payment))["status"] == "attention"
    again = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"})
    problem_of(again, 409, "payment-in-progress")


async def test_part_payments(client: httpx.AsyncClient, world: World, invoice: Invoice) -> None:
    """Several may be under way at once, as long as they are of what is due."""
    first = await begin_payment(client, invoice, amount=eur(1000))
    rest = await begin_payment(client, invoice)
    assert (first["amount"], rest["amount"]) == (eur(1000), eur(2000))

    await world.work()

    assert (await client.get(path_of(invoice))).json()["status"] == "paid"
    assert [type(event) for event in events(world)].count(InvoicePaid) == 1


async def test_payments_are_listed(
    client: httpx.AsyncClient, world: World, invoice: Invoice, staff: dict[str, str], user_id: UUID
) -> None:
    """A user's own, newest first, by invoice and status; staff see all."""
    other, strangers = await world.place(user_id), await world.place(uuid4())
    failed = await begin_payment(client, invoice, "pm_decline_soft")
    await world.work()
    mine, theirs = await begin_payment(client, other), await world.pay(strangers)

    async def ids(headers: dict[str, str] | None = None, **query: str) -> list[str]:
        answer = await client.get(PAYMENTS, params=query, headers=headers)
        return [item["id"] for item in answer.json()["items"]]

    assert await ids() == [mine["id"], failed["id"]]
    assert await ids(invoice_id=str(invoice.id)) == [failed["id"]]
    assert await ids(status="processing") == [mine["id"]]
    assert await ids(invoice_id=str(strangers.id)) == []
    assert await ids(staff) == [str(theirs.id), mine["id"], failed["id"]]


async def test_staff_pay_for_somebody(client: httpx.AsyncClient, invoice: Invoice, staff: dict[str, str]) -> None:
    """With payments:create any invoice can be charged, and the payment is the owner's."""
    answer = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"}, headers=staff)

    assert answer.status_code == 201
    assert (await read(client, answer.json()))["id"] == answer.json()["id"]


async def test_the_same_request_again_is_the_same_payment(client: httpx.AsyncClient, invoice: Invoice) -> None:
    """With an Idempotency-Key a double click is answered twice and charged once."""
    key, body = {"Idempotency-Key": str(uuid4())}, {"invoice_id": str(invoice.id), "method": "pm_ok"}

    first = await client.post(PAYMENTS, json=body, headers=key)
    again = await client.post(PAYMENTS, json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
