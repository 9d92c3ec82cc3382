"""What the port `Payments` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from billing_orders import NOW, euro, order_placed
from billing_rooms import World
from promenade_billing.payment.entity import Declined, Payment, PaymentStatus
from promenade_billing.payment.repository import PaymentFilter
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import NotFound, PageRequest, Place, StaleVersion, use_cause
from promenade_kernel.events.envelope import Cause

CAUSE = Cause(correlation_id="asked", causation_id="request", traceparent="00-1-2-01", actor="ada")
A_MINUTE = timedelta(minutes=1)


async def save(world: World, payment: Payment) -> None:
    async with world.rooms.payment.unit_of_work.begin():
        await world.rooms.payment.payments.save(payment)


async def lease(world: World, limit: int = 10, *, later: timedelta = timedelta(0)) -> list[UUID]:
    """What a worker gets that asks `later`, in real time; it keeps it for a minute."""
    since = NOW + later
    async with world.rooms.payment.unit_of_work.begin():
        taken = await world.rooms.payment.payments.lease(
            world.clock.now(), since=since, until=since + A_MINUTE, limit=limit
        )
    return [payment.id for payment in taken]


async def test_a_payment_is_read_as_it_was_stored(either: World) -> None:
    """Every field survives the store, and what asked for it."""
    with use_cause(CAUSE):
        payment = await either.pay(await either.place())

    read = await either.payment(payment)

    assert read == payment
    assert read.cause == CAUSE
    assert read.number == "PAY-2026-000001"


async def test_every_change_is_kept(either: World) -> None:
    """Each end a payment can come to, and each stop on the way."""
    failed, succeeded, waiting, lost = [await either.pay(await either.place()) for _ in range(4)]
    failed.fail(Declined("ref", "card-declined", retryable=False), NOW)
    succeeded.succeed("ref", NOW)
    waiting.require_action("ref", NOW)
    lost.look_again(NOW)
    lost.look_again(NOW)

    for payment in (failed, succeeded, waiting, lost):
        await save(either, payment)
        assert await either.payment(payment) == payment
    waiting.confirm(NOW)
    await save(either, waiting)
    assert await either.payment(waiting) == waiting


async def test_a_stale_version_loses(either: World) -> None:
    """Of two that read the same version the second to write is refused."""
    payment = await either.pay(await either.place())
    first, second = await either.payment(payment), await either.payment(payment)
    first.succeed("ref", NOW)
    await save(either, first)

    second.look_again(NOW)
    with pytest.raises(StaleVersion):
        await save(either, second)
    assert (await either.payment(payment)).status is PaymentStatus.SUCCEEDED


async def test_numbers_rise(either: World) -> None:
    """Each is higher than all before."""
    payments = [await either.pay(await either.place()) for _ in range(3)]

    assert [payment.number for payment in payments] == [f"PAY-2026-00000{number}" for number in (1, 2, 3)]


async def test_lists_show_what_is_wanted(either: World) -> None:
    """By invoice, by status, and by who owns the invoice, also when that is learnt later."""
    user_id, customer_id = uuid4(), uuid4()
    first, second = await either.place(user_id), await either.place()
    settled, under_way = await either.settle(first, amount=euro(1)), await either.pay(second)
    of_customer = await either.invoice_of(order_placed(user_id=uuid4(), customer_id=customer_id))
    third = await either.pay(of_customer)

    async def ids(**wanted: object) -> list[UUID]:
        found = await either.rooms.payment.payments.list(PaymentFilter(**wanted), PageRequest())  # type: ignore[arg-type]
        return [payment.id for payment in found.items]

    assert await ids() == [third.id, under_way.id, settled.id]
    assert await ids(invoice_id=first.id) == [settled.id]
    assert await ids(status=PaymentStatus.PROCESSING) == [third.id, under_way.id]
    assert await ids(user_id=user_id) == [settled.id]
    assert await ids(user_id=user_id, invoice_id=second.id) == []
    page = await either.rooms.payment.payments.list(PaymentFilter(), PageRequest(limit=1, after=Place(third.id)))
    assert ([payment.id for payment in page.items], page.next_after) == ([under_way.id], Place(under_way.id))


async def test_a_leased_payment_is_nobody_elses(either: World) -> None:
    """Until the lease ends, or runs out because its holder has died."""
    payments = [await either.pay(await either.place()) for _ in range(3)]
    first, second, third = [payment.id for payment in payments]

    assert set(await lease(either, limit=2)) | set(await lease(either)) == {first, second, third}
    assert await lease(either) == []
    async with either.rooms.payment.unit_of_work.begin():
        await either.rooms.payment.payments.end_lease(first, NOW)  # of somebody who had it before
        await either.rooms.payment.payments.end_lease(second, NOW + A_MINUTE)
    assert await lease(either) == [second]
    assert await lease(either, later=A_MINUTE - timedelta(microseconds=1)) == []
    assert set(await lease(either, later=A_MINUTE)) == {first, second, third}


async def test_who_waits_longest_is_taken_first(either: World) -> None:
    """And what is not due is left alone, whoever may have leased it."""
    now = either.clock.now()
    oldest, newest, settled = [await either.pay(await either.place()) for _ in range(3)]
    oldest.due_at, newest.due_at = now - A_MINUTE, now
    settled.succeed("ref", now)
    for payment in (newest, oldest, settled):
        await save(either, payment)
    later = await either.pay(await either.place())
    later.look_again(now)
    await save(either, later)

    assert [await lease(either, limit=1) for _ in range(3)] == [[oldest.id], [newest.id], []]
    either.clock.advance(minutes=1)
    assert await lease(either) == [later.id]


async def test_what_is_not_there(either: World) -> None:
    """An id of nothing is not found."""
    with pytest.raises(NotFound):
        await either.rooms.payment.payments.get(uuid4())


async def test_writes_need_a_unit_of_work(either: World) -> None:
    """A payment commits with what it reserves."""
    payment, payments = await either.pay(await either.place()), either.rooms.payment.payments

    with pytest.raises(TransactionMisuse):
        await payments.save(payment)
    with pytest.raises(TransactionMisuse):
        await payments.add(payment)
    with pytest.raises(TransactionMisuse):
        await payments.lease(NOW, since=NOW, until=NOW, limit=1)
    with pytest.raises(TransactionMisuse):
        await payments.end_lease(payment.id, NOW)
