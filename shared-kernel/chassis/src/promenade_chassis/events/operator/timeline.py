"""A process as a timeline: its events, each under the one that caused it, with what was done about it and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from promenade_chassis.events.operator.records import ReactionTo, RecordedEvent


class Reacted(msgspec.Struct, frozen=True, kw_only=True):
    """What one reaction did, so many seconds after the event was recorded."""

    reaction: ReactionTo
    after_seconds: float


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a process.

    Attributes:
        depth: how many events of the process lie between it and the request that began it.
        offset_seconds: since the first event of the process was recorded.
    """

    event: RecordedEvent
    depth: int
    offset_seconds: float
    reactions: list[Reacted]


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """All that one correlation id holds together; every event stands below the one that caused it."""

    correlation_id: str
    began_at: datetime
    seconds: float
    steps: list[Step]


def processes(events: Sequence[RecordedEvent], reactions: Sequence[ReactionTo]) -> list[Process]:
    """The processes that these events belong to, in order of time."""
    by_process: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
    for event in events:
        by_process[event.envelope.correlationid].append(event)
    found = [_process(correlation, members, reactions) for correlation, members in by_process.items()]
    return sorted(found, key=lambda process: process.began_at)


def _process(correlation: str, events: list[RecordedEvent], reactions: Sequence[ReactionTo]) -> Process:
    began_at = min(event.recorded_at for event in events)
    steps = [_step(event, depth, began_at, reactions) for event, depth in _tree(events)]
    ends = [step.offset_seconds + each.after_seconds for step in steps for each in step.reactions]
    seconds = max([*ends, *(step.offset_seconds for step in steps)])
    return Process(correlation_id=correlation, began_at=began_at, seconds=seconds, steps=steps)


def _tree(events: list[RecordedEvent]) -> list[tuple[RecordedEvent, int]]:
    """Depth first. What was not caused by one of these events, or by a circle of them, stands at the left."""
    ordered = sorted(events, key=lambda event: (event.recorded_at, event.envelope.id, event.envelope.type))
    known = {str(event.envelope.id) for event in ordered}
    children: defaultdict[str, list[RecordedEvent]] = defaultdict(list)
    roots: list[RecordedEvent] = []
    for event in ordered:
        cause = event.envelope.causationid
        (children[cause] if cause in known else roots).append(event)
    found: list[tuple[RecordedEvent, int]] = []
    waiting = [(event, 0) for event in reversed(roots)]
    while waiting:
        event, depth = waiting.pop()
        found.append((event, depth))
        # Two forms of a fact share their id: what it caused stands below the first.
        waiting += [(child, depth + 1) for child in reversed(children.pop(str(event.envelope.id), []))]
    lost = [event for left in children.values() for event in left]
    return [*found, *((event, 0) for event in lost)]


def _step(event: RecordedEvent, depth: int, began_at: datetime, reactions: Sequence[ReactionTo]) -> Step:
    mine = sorted((each for each in reactions if each.event_id == event.envelope.id), key=lambda each: each.at)
    return Step(
        event=event,
        depth=depth,
        offset_seconds=(event.recorded_at - began_at).total_seconds(),
        reactions=[
            Reacted(reaction=each, after_seconds=(each.at - event.recorded_at).total_seconds()) for each in mine
        ],
    )
