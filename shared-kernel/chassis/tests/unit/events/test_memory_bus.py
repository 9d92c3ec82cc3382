"""The memory bus with the ledger in memory: the contracts, and what is its own."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest
import pytest_asyncio
from promenade_chassis.events import lanes
from promenade_chassis.events.bus import BusClosed, Subscription, Subscriptions
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.outcome import DONE, Again, Outcome, Unpreceded
from promenade_chassis.testing.batch_contract import BatchContract
from promenade_chassis.testing.bus_contract import BusContract
from promenade_chassis.testing.bus_rig import (
    CONTEXT,
    BusRig,
    InMemoryBookkeeping,
    VolatileBookkeeping,
    history,
    settled,
)
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.retry_contract import RetryContract
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated, UserSuspended


@pytest_asyncio.fixture(params=[InMemoryBookkeeping, VolatileBookkeeping])
async def rig(request: pytest.FixtureRequest) -> AsyncGenerator[BusRig, None]:
    """A memory bus of one context, with each of the ledgers that need no database."""
    books, shared = request.param(), MemoryBus()
    yield BusRig(shared.for_context(CONTEXT, books.ledger), books)
    await shared.close(1)


class TestBus(BusContract):
    """The bus contract."""


class TestRetry(RetryContract):
    """The retry contract."""


class TestBatches(BatchContract):
    """The contract of shared transactions."""


async def test_publishing_waits_for_room():
    """A fast publisher and a slow reaction: no more than the room are under way."""
    books, shared, going_on = InMemoryBookkeeping(), MemoryBus(room=10), asyncio.Event()
    rig = BusRig(shared.for_context(CONTEXT, books.ledger), books)
    await rig.start(lambda envelope: _until(going_on))
    published = 0

    async def publish() -> None:
        nonlocal published
        for _ in range(40):
            await rig.bus.publish(history(1))
            published += 1

    publishing = asyncio.create_task(publish())
    await eventually(lambda: _equal(published, 10))
    for _ in range(100):
        await asyncio.sleep(0)
    stuck_at = published
    going_on.set()
    await publishing

    await eventually(lambda: _some(rig, 40))
    assert stuck_at == 10
    await shared.close(1)


async def test_publishing_inside_a_reaction_never_waits():
    """A reaction that waited for room that only its own end can make would wait for ever."""
    ledger, shared = InMemoryLedger(CONTEXT), MemoryBus(room=1)
    view, told = shared.for_context(CONTEXT, ledger), history(3)
    seen: list[int] = []

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        seen.append(envelope.sequence)
        if envelope.sequence == 1:
            await view.publish(told[1:])

    view.subscribe(UserSuspended, on_user_suspended)
    await view.start()
    await settled(await view.publish(told[:1]))

    await eventually(lambda: _equal(seen, [1, 2, 3]))
    await shared.close(1)


async def test_the_receipt_waits_for_every_context():
    """One that has committed is not enough when another is still at it."""
    shared, going_on = MemoryBus(), asyncio.Event()
    quick, slow = (shared.for_context(name, InMemoryLedger(name)) for name in ("quick", "slow"))
    acted: list[str] = []

    async def on_quick(event: UserSuspended, envelope: Envelope) -> None:
        acted.append("quick")

    async def on_slow(event: UserSuspended, envelope: Envelope) -> None:
        await going_on.wait()
        acted.append("slow")

    quick.subscribe(UserSuspended, on_quick)
    slow.subscribe(UserSuspended, on_slow)
    await asyncio.gather(quick.start(), slow.start())
    receipt = await shared.publish(history(1))
    await eventually(lambda: _equal(acted, ["quick"]))
    early = receipt.done()
    going_on.set()
    await settled(receipt)

    assert not early
    assert acted == ["quick", "slow"]
    await shared.close(1)


async def test_what_nobody_listens_to_is_settled_at_once():
    """No context, no reaction to wait for."""
    shared = MemoryBus()

    await settled(await shared.publish(history(2)))
    await settled(await shared.publish([]))


async def test_a_closed_bus_takes_nothing():
    """Also who waits for room is told, and who waits for a receipt."""
    books, shared = InMemoryBookkeeping(), MemoryBus(room=1)
    rig = BusRig(shared.for_context(CONTEXT, books.ledger), books)
    await rig.start(lambda envelope: _until(asyncio.Event()))
    receipt = await rig.bus.publish(history(1))
    waiting = [asyncio.create_task(rig.bus.publish(history(1))) for _ in range(3)]
    await asyncio.sleep(0)

    await shared.close(0.05)

    for task in waiting:
        with pytest.raises(BusClosed):
            await task
    with pytest.raises(BusClosed):
        await receipt
    with pytest.raises(BusClosed):
        await rig.bus.publish(history(1))


async def test_a_context_joins_before_anything_is_published():
    """It would miss what was, without anybody noticing."""
    shared = MemoryBus()
    await shared.publish(history(1))

    with pytest.raises(RuntimeError, match="before"):
        shared.for_context(CONTEXT, InMemoryLedger(CONTEXT))


async def test_a_database_that_is_away_costs_no_attempt():
    """The event waits, for as long as it takes, and then takes effect at the first attempt."""
    books = InMemoryBookkeeping()
    shared = MemoryBus()
    rig = BusRig(shared.for_context(CONTEXT, books.ledger), books)
    await rig.start()
    books.ledger.book.away = True
    receipt = await rig.bus.publish(history(1))
    for _ in range(20):
        await asyncio.sleep(0.01)
    books.ledger.book.away = False

    await settled(receipt)

    assert list(rig.attempts.values()) == [1]
    await shared.close(1)


async def test_a_reaction_that_cancels_itself_fails_and_the_lane_lives():
    """A library that lets a cancellation escape does not stop the subject, the lane or the bus."""
    books, shared = InMemoryBookkeeping(), MemoryBus()
    rig = BusRig(shared.for_context(CONTEXT, books.ledger), books)

    async def escape(envelope: Envelope) -> None:
        if rig.attempts[envelope.id] == 1:
            raise asyncio.CancelledError

    await rig.start(escape)
    await rig.deliver(history(1))

    assert list(rig.attempts.values()) == [2]
    await shared.close(1)


async def test_a_reaction_to_another_event_of_the_same_source_is_not_called():
    """Types are told apart, not only streams."""
    shared = MemoryBus()
    view = shared.for_context(CONTEXT, InMemoryLedger(CONTEXT))
    called: list[Envelope] = []

    async def on_user_reinstated(event: UserReinstated, envelope: Envelope) -> None:
        called.append(envelope)

    view.subscribe(UserReinstated, on_user_reinstated)
    await view.start()
    await settled(await view.publish(history(2)))

    assert called == []
    await shared.close(1)


class Stumbling(InMemoryLedger):
    """Settles what it can of a batch; then the plumbing fails, over what is to be adopted."""

    stumbles = 0

    async def handle_all(self, envelopes: Sequence[Envelope], subscriptions: Subscriptions) -> list[Outcome]:
        """The first is done, the others are unpreceded."""
        return [DONE if each.sequence == 1 else Unpreceded() for each in envelopes]

    async def handle(
        self, envelope: Envelope, subscriptions: Sequence[Subscription], *, adopt: bool = False
    ) -> Outcome:
        """As when a statement takes too long."""
        self.stumbles += 1
        raise OSError("the plumbing")


async def test_a_receipt_counts_each_context_once(monkeypatch: pytest.MonkeyPatch):
    """A context whose plumbing fails in the middle of a batch, again and again, is not taken for two."""
    monkeypatch.setattr(lanes, "_AFTER_A_FAULT", Again(0.01))
    shared, calls, stumbling = MemoryBus(), 0, Stumbling("billing")
    quick = shared.for_context("billing", stumbling, lanes=1)
    slow = shared.for_context("order-management", InMemoryLedger("order-management"), lanes=1)

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()

    quick.subscribe(UserSuspended, on_user_suspended)
    slow.subscribe(UserSuspended, on_user_suspended)
    first, second = await shared.publish(history(1)), await shared.publish(history(1, start=7))
    for view in (quick, slow):
        await view.start()
    await eventually(lambda: _equal(calls, 1))
    await eventually(lambda: _equal(stumbling.stumbles > 3, True))

    assert not first.done()
    assert not second.done()
    await shared.close(0)


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _some(rig: BusRig, count: int) -> None:
    assert len(await rig.books.effects()) == count


def _equal(left: object, right: object) -> None:
    assert left == right
