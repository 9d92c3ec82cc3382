"""A bus with a ledger and a place for effects: what the contract of both is run on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id

from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Bus, Receipt
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.volatile import VolatileLedger
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_chassis.testing.polling import stretched

CONTEXT = "billing"
QUICK = EventsSettings(attempts=3, backoff_first_ms=20, backoff_cap_seconds=1, gap_wait_seconds=0.3)
"""The events' settings, in a hurry."""

Fact = tuple[UUID, int]
Behaviour = Callable[[Envelope], Awaitable[None]]


class Bookkeeping(Protocol):
    """A ledger, what reactions wrote beside it, and what it gave up."""

    ledger: Ledger

    async def write(self, envelope: Envelope) -> None:
        """Have an effect, from inside a reaction."""
        ...

    async def effects(self) -> list[Fact]:
        """The effects so far, oldest first."""
        ...

    async def dead_letters(self) -> list[tuple[str, int]]:
        """Reaction and attempts of each dead letter, oldest first."""
        ...


class InMemoryBookkeeping:
    """Everything in lists."""

    def __init__(self, settings: EventsSettings = QUICK) -> None:
        self.ledger = InMemoryLedger(CONTEXT, settings)
        self._effects: list[Fact] = []

    async def write(self, envelope: Envelope) -> None:
        """See `Bookkeeping.write`."""
        self.ledger.book.when_committed(lambda: self._effects.append((envelope.subject, envelope.sequence)))

    async def effects(self) -> list[Fact]:
        """See `Bookkeeping.effects`."""
        return list(self._effects)

    async def dead_letters(self) -> list[tuple[str, int]]:
        """See `Bookkeeping.dead_letters`."""
        return [(letter.reaction, letter.attempts) for letter in self.ledger.book.dead_letters]


class VolatileBookkeeping:
    """A ledger without transactions; effects in a list, written last in a reaction."""

    def __init__(self, settings: EventsSettings = QUICK) -> None:
        self.ledger = VolatileLedger(CONTEXT, settings)
        self._effects: list[Fact] = []

    async def write(self, envelope: Envelope) -> None:
        """See `Bookkeeping.write`."""
        self._effects.append((envelope.subject, envelope.sequence))

    async def effects(self) -> list[Fact]:
        """See `Bookkeeping.effects`."""
        return list(self._effects)

    async def dead_letters(self) -> list[tuple[str, int]]:
        """See `Bookkeeping.dead_letters`."""
        return [(letter.reaction, letter.attempts) for letter in self.ledger.dead_letters]


EFFECT_TABLE = """
CREATE TABLE IF NOT EXISTS effect (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL, subject uuid NOT NULL, sequence bigint NOT NULL
)
"""


class PostgresBookkeeping:
    """The real ledger; effects are rows of a table of their own, written in the reaction's transaction."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self.ledger = ledger
        self.database = database

    async def prepare(self) -> None:
        """Make the table of effects."""
        await self._fetch(EFFECT_TABLE)

    async def write(self, envelope: Envelope) -> None:
        """See `Bookkeeping.write`: as a use case would, in a unit of work of its own inside the reaction's."""
        async with self.database.begin():
            await self.database.writing_connection().execute(
                "INSERT INTO effect (event_id, subject, sequence) VALUES (%(id)s, %(subject)s, %(sequence)s)",
                {"id": envelope.id, "subject": envelope.subject, "sequence": envelope.sequence},
            )

    async def effects(self) -> list[Fact]:
        """See `Bookkeeping.effects`."""
        rows = await self._fetch("SELECT subject, sequence FROM effect ORDER BY position")
        return [(row["subject"], row["sequence"]) for row in rows]

    async def dead_letters(self) -> list[tuple[str, int]]:
        """See `Bookkeeping.dead_letters`."""
        rows = await self._fetch("SELECT reaction, attempts FROM dead_letter ORDER BY created_at")
        return [(row["reaction"], row["attempts"]) for row in rows]

    async def _fetch(self, statement: Any) -> list[dict[str, Any]]:
        async with self.database.reading_connection() as connection:
            cursor = await connection.execute(statement)
            return await cursor.fetchall() if cursor.description else []


@dataclass
class BusRig:
    """One context's bus under test. `attempts` counts how often each event was tried."""

    bus: Bus
    books: Bookkeeping
    attempts: dict[UUID, int] = field(default_factory=dict[UUID, int])

    async def start(self, behaviour: Behaviour | None = None) -> None:
        """Start with one reaction, to `user.suspended.v1`: it does what `behaviour` does, then has its effect."""

        async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
            self.attempts[envelope.id] = self.attempts.get(envelope.id, 0) + 1
            if behaviour is not None:
                await behaviour(envelope)
            await self.books.write(envelope)

        self.bus.subscribe(UserSuspended, on_user_suspended)
        await self.bus.start()

    async def deliver(self, envelopes: Sequence[Envelope]) -> None:
        """Publish and wait until every reaction is settled."""
        await settled(await self.bus.publish(envelopes))

    async def effects_on(self, subject: UUID) -> list[int]:
        """The sequences that took effect on a subject, in the order they did."""
        return [sequence for about, sequence in await self.books.effects() if about == subject]


async def settled(receipt: Receipt, within: float = 60.0) -> None:
    """Wait for a receipt; raises `TimeoutError` after so many seconds, stretched."""
    async with asyncio.timeout(stretched(within)):
        await receipt


def history(length: int, subject: UUID | None = None, *, start: int = 1) -> list[Envelope]:
    """So many facts about one subject: it was suspended again and again."""
    about = subject or new_id()
    return [
        sealed(UserSuspended(user_id=about), subject=about, sequence=number) for number in range(start, start + length)
    ]
