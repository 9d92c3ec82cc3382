"""Envelopes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Cause, Envelope, seal
from promenade_kernel.events.registry import Event
from promenade_kernel.values.ids import new_id

from promenade_chassis import outbox
from promenade_chassis.database import Database


def sealed(event: Event, *, subject: UUID, sequence: int = 1, cause: Cause | None = None) -> Envelope:
    """The event in an envelope, as a repository would have sealed it."""
    caused = cause or Cause(correlation_id=str(new_id()), causation_id=str(new_id()))
    return seal(event, subject=subject, sequence=sequence, cause=caused)


def retyped(envelope: Envelope, wire: str) -> Envelope:
    """The same fact under another wire type: another form of it, or a type this kernel does not know."""
    return msgspec.structs.replace(envelope, type=wire)


def in_turns(*histories: Sequence[Envelope]) -> list[Envelope]:
    """Several subjects' histories of equal length, dealt one event each in turn."""
    return [envelope for turn in zip(*histories, strict=True) for envelope in turn]


async def record(database: Database, envelopes: Sequence[Envelope]) -> None:
    """Commit facts to the outbox, as a repository does when it saves an aggregate."""
    async with database.begin():
        await outbox.append(database.writing_connection(), envelopes)
        database.announce_events()
