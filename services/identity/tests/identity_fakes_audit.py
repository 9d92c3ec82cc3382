"""The in-memory stand-in of the audit trail."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import Page, PageRequest
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_chassis.testing.lists import page_in_memory
from promenade_identity.audit.entity import Action, Details, Entry, done
from promenade_identity.audit.repository import TRAIL, EntryFilter

Told = tuple[Action, UUID | None, UUID | str | None, Details | None]


class RecordingTrail:
    """Entries in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self.unit_of_work = unit_of_work
        self.rows: list[Entry] = []
        self.entries: list[Told] = []
        """What `record` was told: action, actor, subject, details."""
        unit_of_work.join(self)

    def snapshot(self) -> tuple[list[Entry], list[Told]]:
        return list(self.rows), list(self.entries)

    def roll_back(self, snapshot: tuple[list[Entry], list[Told]]) -> None:
        self.rows, self.entries = snapshot

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        await self.add(done(action, actor=actor, subject=subject, details=details))
        self.entries.append((action, actor, subject, details))

    async def add(self, entry: Entry) -> None:
        self.unit_of_work.require()
        self.rows.append(entry)

    async def list(self, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        return page_in_memory(TRAIL, [entry for entry in self.rows if _matches(entry, wanted)], page)

    def told_of(self, things: str) -> list[Told]:
        """What `record` was told of `user`, `role`, `session`, …: of the actions that are called so."""
        return [told for told in self.entries if told[0].startswith(f"{things}.")]

    def of(self, action: Action) -> list[Entry]:
        """The entries of an action, oldest first."""
        return [entry for entry in self.rows if entry.action == action]


def _matches(entry: Entry, wanted: EntryFilter) -> bool:
    return (
        wanted.actor in (None, entry.actor)
        and wanted.subject in (None, entry.subject)
        and wanted.action in (None, entry.action)
        and wanted.outcome in (None, entry.outcome)
        and (wanted.from_ is None or entry.at >= wanted.from_)
        and (wanted.to is None or entry.at < wanted.to)
    )
