"""What the operator's functions answer. Written as JSON by `msgspec`, these are what `--json` prints."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope

ReactionState = Literal["handled", "waiting", "dead", "replaying", "replayed", "discarded"]


class RecordedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its producer's outbox has it. `published_at` is None while it waits for the relay."""

    context: str
    seq: int
    envelope: Envelope
    recorded_at: datetime
    published_at: datetime | None
    stream_id: str | None


class ReactionTo(msgspec.Struct, frozen=True, kw_only=True):
    """What one reaction did with one event.

    Attributes:
        state: `replaying`: an operator asked for it again. `replayed`: its dead letter was; a row of its own says how
            that went.
        at: when it was handled, first tried, given up, asked for.
        attempts: how often it failed.
        next_at: when it is tried again.
        dead_letter: the id that `dead show` takes.
    """

    context: str
    event_id: UUID
    reaction: str
    state: ReactionState
    at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    error: str = ""
    dead_letter: UUID | None = None


class SubjectPlace(msgspec.Struct, frozen=True, kw_only=True):
    """How far a consumer is with a subject: the last sequence settled, None when it has never met it."""

    context: str
    settled: int | None
    updated_at: datetime | None


class OutboxLag(msgspec.Struct, frozen=True, kw_only=True):
    """What one context has recorded and not published."""

    context: str
    depth: int
    oldest_seconds: float


class GroupLag(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer group on one stream.

    Attributes:
        lag: entries not yet delivered; None when Redis cannot tell.
        pending: entries delivered and not acknowledged.
        oldest_seconds: age of the oldest pending entry.
    """

    stream: str
    group: str
    consumers: int
    pending: int
    lag: int | None
    oldest_seconds: float


class StreamLag(msgspec.Struct, frozen=True, kw_only=True):
    """One stream and its groups."""

    stream: str
    length: int
    groups: list[GroupLag]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that waits because `missing` has not come, while `waiting` has been there for so many seconds."""

    context: str
    source: str
    subject: UUID
    missing: int
    waiting: int
    seconds: float


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What one consumer has not settled.

    Attributes:
        waiting: reactions that are tried again and replays, oldest first; at most so many as were asked for.
        waiting_count: how many are tried again.
        stuck_count: how many of both have waited for more than an hour.
        replays_count: replays asked for and not done.
        dead_open: dead letters nobody has replayed or discarded.
    """

    context: str
    waiting: list[ReactionTo]
    waiting_count: int
    stuck_count: int
    replays_count: int
    dead_open: int


class DeadLetterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter. `event_id`, `type`, `source` and `subject` are None where not even they could be read."""

    context: str
    id: UUID
    event_id: UUID | None
    reaction: str
    type: str | None
    source: str | None
    subject: UUID | None
    reason: str
    attempts: int
    created_at: datetime
    replayed_at: datetime | None
    discarded_at: datetime | None
    discard_reason: str | None

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided about it."""
        return self.replayed_at is None and self.discarded_at is None


class WholeDeadLetter(DeadLetterRecord, frozen=True, kw_only=True):
    """A dead letter with what makes it long: the envelope as it came, and the traceback."""

    envelope: str
    traceback: str
