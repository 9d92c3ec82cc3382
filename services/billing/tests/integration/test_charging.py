"""Nothing is charged twice: not by a double click, a crash, a replay, a timeout, nor by two workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest
from billing_books import PAID_ONCE, captured, rows, told
from billing_orders import euro
from billing_rooms import PAYMENTS, World, billing_app
from promenade_billing.invoice.entity import Invoice, PaymentInProgress
from promenade_billing.payment.entity import Payment
from promenade_billing.payment.postgres import PostgresPayments
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_billing.payment.use_cases import PaymentRoom, create_payment
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.ports import Principal
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_kernel.events.envelope import Envelope


@pytest.fixture
async def client(
    real: World, database: Database, verifier: FakeVerifier, user_id: UUID
) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client_of(billing_app(real.rooms, verifier, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(user_id))
        yield client


async def test_a_double_click_charges_once(
    real: World, database: Database, client: httpx.AsyncClient, user_id: UUID
) -> None:
    """Twenty clicks at once: one payment, nineteen told that it is in progress."""
    invoice = await real.place(user_id)
    body = {"invoice_id": str(invoice.id), "method": "pm_ok"}

    answers = await asyncio.gather(*(client.post(PAYMENTS, json=body) for _ in range(20)))
    await real.work()

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "payment-in-progress")
    assert await captured(database) == [3000]
    assert await told(database) == PAID_ONCE


async def test_a_double_click_with_a_key_charges_once(
    real: World, database: Database, client: httpx.AsyncClient, user_id: UUID
) -> None:
    """Ten with one Idempotency-Key: those who get an answer get the same one."""
    invoice = await real.place(user_id)
    body, key = {"invoice_id": str(invoice.id), "method": "pm_ok"}, {"Idempotency-Key": str(uuid4())}

    answers = await asyncio.gather(*(client.post(PAYMENTS, json=body, headers=key) for _ in range(10)))
    await real.work()
    later = await client.post(PAYMENTS, json=body, headers=key)

    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.content for answer in made} == {later.content}
    assert await captured(database) == [3000]


async def test_parallel_part_payments_never_exceed_the_due(real: World, database: Database) -> None:
    """Eight of 7.00 each for 30.00: four fit, and the rest is still due."""
    invoice = await real.place()

    results = await asyncio.gather(*(real.pay(invoice, amount=euro(700)) for _ in range(8)), return_exceptions=True)
    await real.work()

    assert Counter(type(result) for result in results) == {Payment: 4, PaymentInProgress: 4}
    assert await captured(database) == [700] * 4
    paid = await real.invoice(invoice)
    assert (paid.amount_paid, paid.amount_due, paid.amount_processing) == (euro(2800), euro(200), euro(0))


async def test_a_replayed_order_charges_nobody(real: World, database: Database) -> None:
    """The order is told of again after its invoice is paid: still one invoice, one charge."""
    invoice = await real.place()
    await real.settle(invoice)

    again = await real.place(order_id=invoice.order_id)
    await real.work()

    assert (again.id, again.status) == (invoice.id, "paid")
    assert await captured(database) == [3000]
    assert await told(database) == PAID_ONCE


async def test_what_comes_of_a_payment_names_its_request(
    real: World, database: Database, client: httpx.AsyncClient, user_id: UUID
) -> None:
    """The events of the worker carry the correlation of the POST and the user as the actor."""
    invoice: Invoice = await real.place(user_id)
    body = {"invoice_id": str(invoice.id), "method": "pm_ok"}
    await client.post(PAYMENTS, json=body, headers={"X-Request-Id": "clicked"})

    await real.work()

    written = await rows(database, "SELECT envelope FROM outbox ORDER BY seq")
    _, *after = [Envelope.decode(row["envelope"]) for row in written]
    assert [envelope.correlationid for envelope in after] == ["clicked", "clicked"]
    assert {envelope.actor for envelope in after} == {str(user_id)}


async def test_the_worker_is_woken_by_the_commit(real: World, database: Database, provider: SimulatedProvider) -> None:
    """After it, not before, and not for what was rolled back."""
    woken: list[bool] = []
    payments = PostgresPayments(database, lambda: woken.append(database.in_transaction()))
    invoice = await real.place()
    room = replace(real.rooms.payment, payments=payments)
    owner = Principal(id=invoice.user_id or uuid4())

    with pytest.raises(LookupError):
        await _pay_and_fail(invoice, owner, room)
    assert woken == []
    async with database.begin():
        await create_payment(invoice.id, None, "pm_ok", principal=owner, room=room)
        assert woken == []

    assert woken == [False]


async def _pay_and_fail(invoice: Invoice, owner: Principal, room: PaymentRoom) -> None:
    async with room.unit_of_work.begin():
        await create_payment(invoice.id, None, "pm_ok", principal=owner, room=room)
        raise LookupError
