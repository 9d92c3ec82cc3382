"""An in-memory stand-in of the audit trail."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.audit.entity import Action
from promenade_identity.audit.repository import Details

Entry = tuple[Action, UUID | None, UUID | str | None, Details | None]


class RecordingTrail:
    """Entries in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.entries: list[Entry] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[Entry]:
        return list(self.entries)

    def roll_back(self, snapshot: list[Entry]) -> None:
        self.entries = snapshot

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        self._unit_of_work.require()
        self.entries.append((action, actor, subject, details))
