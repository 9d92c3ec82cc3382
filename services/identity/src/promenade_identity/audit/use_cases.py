"""What can be done with the audit trail: add what was refused, and read."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.ports import Page, PageRequest, UnitOfWork

from promenade_identity.audit.entity import Entry
from promenade_identity.audit.repository import Entries, EntryFilter

READ = "audit:read"


@dataclass(frozen=True, slots=True)
class AuditRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    entries: Entries


async def take_down(entry: Entry, *, room: AuditRoom) -> None:
    """Add an entry by itself: of what was refused there is no transaction left."""
    async with room.unit_of_work.begin():
        await room.entries.add(entry)


async def list_entries(wanted: EntryFilter, page: PageRequest, *, room: AuditRoom) -> Page[Entry]:
    """Everybody's entries; the route needs audit:read."""
    return await room.entries.list(wanted, page)
