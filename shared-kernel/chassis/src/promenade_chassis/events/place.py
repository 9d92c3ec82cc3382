"""Whose turn it is: an event's sequence against the progress of its subject."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope


class Place(enum.Enum):
    """Where an event stands in the order of its subject's facts."""

    NEXT = "its turn"
    BEHIND = "its number was passed already"
    AHEAD = "an earlier one is missing"
    UNPRECEDED = "an earlier one was missing for long, of a subject never handled before"


@dataclass(frozen=True, slots=True)
class Position:
    """Progress of a subject: the last sequence settled (0: none), and for how many seconds it has stood there."""

    last: int
    stood_for: float


class Facts(msgspec.Struct, frozen=True):
    """What of an envelope decides its place; readable in many a message that is no valid envelope."""

    id: UUID
    source: str
    type: str
    subject: UUID
    sequence: int

    @staticmethod
    def of(envelope: Envelope) -> Facts:
        """The facts of a valid envelope."""
        return Facts(envelope.id, envelope.source, envelope.type, envelope.subject, envelope.sequence)

    def ids(self) -> dict[str, str]:
        """What a log line may tell."""
        return {"event_id": str(self.id), "type": self.type, "subject": str(self.subject)}


_MAX_SEQUENCE = 2**63 - 1
_LONGEST_WORD = 255


def read_facts(raw: bytes) -> Facts | None:
    """The facts of a message that is no valid envelope, None when they cannot be made out or no row could hold them."""
    try:
        facts = msgspec.json.decode(raw, type=Facts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    words_fit = all("\0" not in word and len(word) <= _LONGEST_WORD for word in (facts.source, facts.type))
    return facts if words_fit and 0 < facts.sequence <= _MAX_SEQUENCE else None


def place_of(sequence: int, position: Position, *, gap_wait: float, adopt: bool) -> Place:
    """Decide. A subject never handled before that begins above 1 waits `gap_wait` seconds, then may be adopted."""
    if sequence <= position.last:
        return Place.BEHIND
    if sequence == position.last + 1:
        return Place.NEXT
    if position.last > 0:
        return Place.AHEAD
    if adopt:
        return Place.NEXT
    return Place.UNPRECEDED if position.stood_for >= gap_wait else Place.AHEAD


def gap_pause(position: Position) -> float:
    """When to look again for a missing event: after 100 ms, after a second where the subject stands still for long."""
    return min(max(0.1, position.stood_for / 10), 1.0)
