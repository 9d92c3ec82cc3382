"""Nothing is charged twice, whatever dies or answers late: crashes between the steps, lost answers, two workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
from billing_books import PAID_ONCE, captured, rows, told
from billing_orders import euro
from billing_rooms import World, real_rooms
from promenade_billing.payment import work
from promenade_billing.payment.entity import Captured, Charge, Declined, Payment, PaymentStatus
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_billing.payment.work import LEASE, go_on, record_answer, work_on_payments
from promenade_chassis.database import Database
from promenade_chassis.ports import utc_now
from psycopg import OperationalError


async def run_out(database: Database) -> None:
    """The lease of a dead worker has run out."""
    async with database.begin():
        await database.writing_connection().execute(
            "UPDATE payment SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL"
        )


async def lease(world: World) -> list[Payment]:
    """What a worker takes before it dies."""
    now, since = world.clock.now(), utc_now()
    async with world.rooms.payment.unit_of_work.begin():
        return list(await world.rooms.payment.payments.lease(now, since=since, until=since + LEASE, limit=10))


@pytest.mark.parametrize("booked", [False, True], ids=["before the charge", "between charge and record"])
@pytest.mark.parametrize("method", ["pm_ok", "pm_timeout_then_ok"])
async def test_a_worker_that_dies_charges_once(
    real: World, database: Database, provider: SimulatedProvider, booked: bool, method: str
) -> None:
    """The next one asks again under the same key, as soon as the lease has run out and not earlier."""
    invoice = await real.place()
    payment = await real.pay(invoice, method)
    (taken,) = await lease(real)
    if booked:
        await asyncio.gather(provider.charge(taken.charge), return_exceptions=True)

    await real.work()
    assert (await real.payment(payment)).status is PaymentStatus.PROCESSING
    await run_out(database)
    await real.work()
    real.clock.advance(minutes=1)
    await real.work()

    assert (await real.payment(payment)).status is PaymentStatus.SUCCEEDED
    assert (await real.invoice(invoice)).amount_paid == euro(3000)
    assert await captured(database) == [3000]
    assert await told(database) == PAID_ONCE


async def test_a_worker_that_dies_while_confirming_charges_once(
    real: World, database: Database, provider: SimulatedProvider
) -> None:
    """Confirmed with the provider, but not recorded: confirmed again, captured once."""
    payment = await real.settle(await real.place(), "pm_requires_action")
    payment.confirm(real.clock.now())
    async with database.begin():
        await real.rooms.payment.payments.save(payment)
    (taken,) = await lease(real)
    await provider.confirm(taken.charge)
    await run_out(database)

    await real.work()

    assert (await real.payment(payment)).status is PaymentStatus.SUCCEEDED
    assert await captured(database) == [3000]


async def test_what_is_recorded_twice_counts_once(real: World, database: Database) -> None:
    """Two workers that both have the answer: the second finds nothing left to do."""
    invoice = await real.place()
    payment = await real.pay(invoice)

    await asyncio.gather(*(record_answer(payment, Captured("ref"), room=real.rooms.payment) for _ in range(5)))
    await record_answer(payment, Declined("ref", "card-declined", retryable=True), room=real.rooms.payment)
    await record_answer(payment, None, room=real.rooms.payment)

    assert (await real.payment(payment)).status is PaymentStatus.SUCCEEDED
    assert (await real.invoice(invoice)).amount_paid == euro(3000)
    assert await told(database) == PAID_ONCE


async def test_a_worker_slower_than_its_lease_charges_once(real: World, database: Database) -> None:
    """It goes on although another one has taken over: same key, one charge, one record."""
    payment = await real.pay(await real.place())
    (slow,) = await lease(real)
    await run_out(database)

    await asyncio.gather(go_on(slow, room=real.rooms.payment), real.work())

    assert (await real.payment(payment)).status is PaymentStatus.SUCCEEDED
    assert await captured(database) == [3000]
    assert await told(database) == PAID_ONCE


async def test_many_workers_share_the_work(real: World, database: Database) -> None:
    """Four at once on thirty payments: each payment is asked for once."""
    for _ in range(30):
        await real.pay(await real.place())

    await asyncio.gather(*(real.work() for _ in range(4)))

    asked = await rows(database, "SELECT sum(times_asked) AS times, count(*) AS charges FROM simulated_provider.charge")
    assert (int(asked[0]["times"]), asked[0]["charges"]) == (30, 30)
    assert Counter(await told(database)) == dict.fromkeys(PAID_ONCE, 30)


async def test_one_that_fails_stops_no_other(real: World, database: Database, provider: SimulatedProvider) -> None:
    """A provider that breaks down over one payment is reported; the others are settled, and it is tried again later."""
    broken, fine = await real.pay(await real.place()), await real.pay(await real.place())
    charge = provider.charge

    async def break_down(wanted: Charge) -> Any:
        if wanted.key == broken.charge.key:
            raise OSError("no route")
        return await charge(wanted)

    breaking = World(real_rooms(database, provider, real.clock))
    object.__setattr__(breaking.rooms.payment, "provider", AsyncMock(charge=break_down))
    with pytest.raises(ExceptionGroup):
        await work_on_payments(room=breaking.rooms.payment)
    assert (await real.payment(fine)).status is PaymentStatus.SUCCEEDED
    assert (await real.payment(broken)).status is PaymentStatus.PROCESSING

    await run_out(database)
    await real.work()
    assert (await real.payment(broken)).status is PaymentStatus.SUCCEEDED


async def test_what_could_not_go_on_is_given_back_when_the_database_is_there_again(
    real: World, database: Database, provider: SimulatedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes it next waits for no lease to run out."""
    payment = await real.pay(await real.place())
    interrupted = World(real_rooms(database, provider, real.clock))
    payments, failures = interrupted.rooms.payment.payments, iter([OperationalError("away")] * 2)
    end_lease = payments.end_lease

    async def away_twice(*given: Any) -> None:
        for failure in failures:
            raise failure
        await end_lease(*given)

    monkeypatch.setattr(payments, "end_lease", away_twice)
    monkeypatch.setattr(work, "GIVE_BACK_EVERY", timedelta(milliseconds=10))
    object.__setattr__(interrupted.rooms.payment, "provider", AsyncMock(charge=AsyncMock(side_effect=OSError)))

    with pytest.raises(ExceptionGroup):
        await work_on_payments(room=interrupted.rooms.payment)
    await real.work()

    assert (await real.payment(payment)).status is PaymentStatus.SUCCEEDED


async def test_a_charge_that_never_arrived_fails_after_an_hour(real: World, database: Database) -> None:
    """As long as it may still arrive it is looked for; then it is certain that it did not, and may be tried again."""
    invoice = await real.place()
    payment = await real.pay(invoice, "pm_unknown")
    await real.work()
    async with database.begin():
        await database.writing_connection().execute("DELETE FROM simulated_provider.charge")

    statuses = []
    for wait in (timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1)):
        real.clock.moment += wait
        await real.work()
        statuses.append((await real.payment(payment)).status)

    assert statuses == [PaymentStatus.UNKNOWN, PaymentStatus.UNKNOWN, PaymentStatus.FAILED]
    await real.settle(invoice)
    assert await captured(database) == [3000]
