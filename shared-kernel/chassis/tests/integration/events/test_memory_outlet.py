"""The outbox over the memory bus: never more under way than there is room, ordered, drained at the end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from uuid import UUID

import pytest_asyncio
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.events.memory import MemoryBus, MemoryReceipt
from promenade_chassis.events.outlet_memory import MemoryOutlet
from promenade_chassis.events.worker import EventWorker
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import stretched
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

ROOM = 40


@pytest_asyncio.fixture
async def producer(new_database: NewDatabase, migration_folders: Sequence[Path]) -> AsyncGenerator[Database, None]:
    """Identity's database."""
    opened = Database(DatabaseSettings(url=new_database(migration_folders)))
    await opened.open()
    yield opened
    await opened.close()


class CountingBus(MemoryBus):
    """Knows how many events were handed over and not yet settled, at most."""

    def __init__(self, *, room: int) -> None:
        super().__init__(room=room)
        self.under_way = self.most = 0

    async def publish(self, envelopes: Sequence[Envelope]) -> MemoryReceipt:
        """Counts."""
        receipt = await super().publish(envelopes)
        self.under_way += len(envelopes)
        self.most = max(self.most, self.under_way)
        receipt.when_settled(lambda: self._settled(len(envelopes)))
        return receipt

    def _settled(self, events: int) -> None:
        self.under_way -= events


async def test_a_full_outbox_and_a_slow_reaction_stay_within_the_room(producer: Database, books: PostgresBookkeeping):
    """A thousand facts wait; forty are under way at most, each subject's in order, and a close drains those."""
    facts = in_turns(*(history(50) for _ in range(20)))
    await record(producer, facts)
    bus = CountingBus(room=ROOM)
    view = bus.for_context(CONTEXT, books.ledger)

    enough = asyncio.Event()

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await asyncio.sleep(0.001)
        await books.write(envelope)
        if envelope.sequence == 10:  # of fifty: most of all facts still wait
            enough.set()

    view.subscribe(UserSuspended, on_user_suspended)
    worker = EventWorker(producer, "identity", QUICK, bus=view, outlet=MemoryOutlet(bus, "identity"))
    await worker.start()
    async with asyncio.timeout(stretched(30)):
        await enough.wait()
    await worker.stop(stretched(10))

    effects = await books.effects()
    assert 1 < bus.most <= 2 * ROOM  # its count falls a turn of the loop after the room is free again
    assert bus.under_way == 0
    assert 10 <= len(effects) < len(facts)
    _in_order(effects)


def _in_order(effects: Sequence[tuple[UUID, int]]) -> None:
    for subject in {subject for subject, _ in effects}:
        sequences = [sequence for about, sequence in effects if about == subject]
        assert sequences == list(range(1, len(sequences) + 1))
