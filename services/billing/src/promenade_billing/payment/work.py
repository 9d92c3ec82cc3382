"""The worker's part: ask the provider, outside of any transaction, and record what it says.

A payment is leased in a first transaction and its answer recorded in a second one. Killed in between, the lease runs
out and the provider is asked again under the same key; it does not charge again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from promenade_chassis.ports import use_cause, utc_now
from promenade_kernel.events.billing import PaymentFailed, PaymentSucceeded

from promenade_billing.invoice.entity import Invoice
from promenade_billing.payment.entity import (
    HEARD_BY_THEN,
    NEVER_HEARD,
    ActionNeeded,
    Answer,
    Captured,
    Declined,
    Payment,
    PaymentStatus,
    ProviderSilent,
)
from promenade_billing.payment.use_cases import PaymentRoom

AT_ONCE = 10
ANSWER_WITHIN_SECONDS = 10
# Longer than an answer may take: a lease never runs out under a worker that is alive.
LEASE = timedelta(seconds=15)
GIVE_BACK_EVERY = timedelta(milliseconds=300)


async def work_on_payments(*, room: PaymentRoom) -> bool:
    """Go on with payments that are due; answers whether there may be more of them."""
    until = utc_now() + LEASE
    taken = await _take(until, room)
    results = await asyncio.gather(*(_go_on_or_give_back(each, until, room) for each in taken), return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise ExceptionGroup("payments that could not go on", failures)
    return len(taken) == AT_ONCE


async def _go_on_or_give_back(payment: Payment, until: datetime, room: PaymentRoom) -> None:
    try:
        await go_on(payment, room=room)
    except Exception:
        await _give_back(payment, until, room)
        raise


async def _give_back(payment: Payment, until: datetime, room: PaymentRoom) -> None:
    """Whoever takes it next need not wait for the lease to run out, also when the database is away for a moment."""
    while True:
        try:
            async with room.unit_of_work.begin():
                await room.payments.end_lease(payment.id, until)
        except Exception:
            if utc_now() >= until:
                raise
            await asyncio.sleep(GIVE_BACK_EVERY.total_seconds())
        else:
            return


async def go_on(payment: Payment, *, room: PaymentRoom) -> None:
    """Do for one leased payment what is due."""
    if payment.status is PaymentStatus.REQUIRES_ACTION:
        await expire_payment(payment, room=room)
        return
    try:
        async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
            answer = await _ask(payment, room)
    except (ProviderSilent, TimeoutError):
        answer = None
    await record_answer(payment, answer, room=room)


async def record_answer(payment: Payment, answer: Answer | None, *, room: PaymentRoom) -> None:
    """Write down what the provider said, None for nothing; of an answer that was recorded before nothing is left to do.

    All that changes a payment or what is paid happens under the lock of the invoice's row.
    """
    now = room.clock.now()
    with use_cause(payment.cause):
        async with room.unit_of_work.begin():
            invoice = await room.invoices.lock(payment.invoice_id)
            current = await room.payments.get(payment.id)
            if not current.awaits_provider:
                return
            match answer:
                case Captured(ref):
                    current.succeed(ref, now)
                    invoice.capture(current.amount)
                    current.record(_succeeded(current, invoice, now))
                    invoice.settle(now)
                case Declined():
                    current.fail(answer, now)
                    invoice.release(current.amount)
                    current.record(_failed(current, invoice, answer, now))
                case ActionNeeded(ref) if current.status is PaymentStatus.PROCESSING:
                    current.require_action(ref, now)
                case _:
                    current.look_again(now)
            # In this order, so that the money is told of before what follows from it.
            await room.payments.save(current, end_lease=True)
            await room.invoices.save(invoice)


async def expire_payment(payment: Payment, *, room: PaymentRoom) -> None:
    """Cancel a payment whose buyer has not done his part in time, and give back what it had reserved."""
    with use_cause(payment.cause):
        async with room.unit_of_work.begin():
            invoice = await room.invoices.lock(payment.invoice_id)
            current = await room.payments.get(payment.id)
            if current.status is not PaymentStatus.REQUIRES_ACTION:
                return
            current.expire(room.clock.now())
            invoice.release(current.amount)
            await room.invoices.save(invoice)
            await room.payments.save(current)


async def _take(until: datetime, room: PaymentRoom) -> list[Payment]:
    async with room.unit_of_work.begin():
        return list(await room.payments.lease(room.clock.now(), since=until - LEASE, until=until, limit=AT_ONCE))


async def _ask(payment: Payment, room: PaymentRoom) -> Answer | None:
    if payment.status is PaymentStatus.UNKNOWN:
        found = await room.provider.find(payment.charge)
        return NEVER_HEARD if found is None and payment.looks >= HEARD_BY_THEN else found
    if payment.confirmed_at is not None:
        return await room.provider.confirm(payment.charge)
    return await room.provider.charge(payment.charge)


def _succeeded(payment: Payment, invoice: Invoice, now: datetime) -> PaymentSucceeded:
    return PaymentSucceeded(**_state(payment, invoice), succeeded_at=now)


def _failed(payment: Payment, invoice: Invoice, declined: Declined, now: datetime) -> PaymentFailed:
    state = _state(payment, invoice)
    return PaymentFailed(**state, failure_code=declined.code, retryable=declined.retryable, failed_at=now)


def _state(payment: Payment, invoice: Invoice) -> dict[str, Any]:
    return {
        **invoice.tell(),
        "payment_id": payment.id,
        "payment_number": payment.number,
        "invoice_number": invoice.number,
        "amount": payment.amount,
        "method": payment.method,
    }
