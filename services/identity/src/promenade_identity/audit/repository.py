"""The ports of the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Sort

from promenade_identity.audit.entity import Action, Details, Entry


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries a list shows; None means any."""

    actor: Annotated[UUID, Meta(description="The user who did it.")] | None = None
    subject: (
        Annotated[str, Meta(min_length=1, max_length=100, description="A user's id, or the name of a role or key.")]
        | None
    ) = None
    action: Action | None = None
    outcome: (
        Annotated[str, Meta(min_length=1, max_length=100, description="`success`, or the code of a problem.")] | None
    ) = None
    from_: datetime | None = None
    to: datetime | None = None


TRAIL = ListOf(Entry, EntryFilter, Sort("at", datetime), default="-at")


class Trail(Protocol):
    """Takes down what was done. Nothing is ever changed or removed."""

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        """Take down a success in the running transaction, so that it stands or falls with the effect.

        `actor` is who did it (None: nobody signed in, or the system itself), `subject` the user it was done to, or
        the name of a role or key. Address, device and request id come from the request in hand.
        """
        ...


class Entries(Protocol):
    """The trail itself."""

    async def add(self, entry: Entry) -> None:
        """Store an entry in the running transaction."""
        ...

    async def list(self, wanted: EntryFilter, page: PageRequest) -> Page[Entry]:
        """A page of the entries, as `TRAIL` declares the list."""
        ...
