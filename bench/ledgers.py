"""The ledger of a bus without a database: the one place to change when the chassis brings its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.book import Standing
from promenade_chassis.events.ledger import BookLedger
from promenade_chassis.testing.ledger import InMemoryBook


class _IndexedBook(InMemoryBook):
    """The test ledger's book looks through everything for each event; this one looks by event."""

    def __init__(self) -> None:
        super().__init__()
        self._done: defaultdict[UUID, list[str]] = defaultdict(list)

    async def standings(self, event_id: UUID) -> Mapping[str, Standing]:
        if self._attempts:
            return await super().standings(event_id)
        return {name: Standing(settled=True) for name in self._done.get(event_id, ())}

    async def remember(self, event_id: UUID, reaction: str) -> None:
        await super().remember(event_id, reaction)
        self._write(lambda: self._done[event_id].append(reaction))


def volatile_ledger(context: str, settings: EventsSettings) -> BookLedger:
    """Progress and done-marks in memory."""
    return BookLedger(_IndexedBook(), context, settings)
