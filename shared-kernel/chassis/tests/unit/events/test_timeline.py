"""Processes as timelines."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from promenade_chassis.events.operator.records import ReactionTo, RecordedEvent
from promenade_chassis.events.operator.timeline import processes
from promenade_chassis.testing.events import retyped, sealed
from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id

BEGIN = datetime(2026, 1, 31, tzinfo=UTC)


def recorded(correlation: str, cause: str, at: float) -> RecordedEvent:
    """An event recorded so many seconds after the beginning."""
    user = new_id()
    envelope = sealed(UserSuspended(user_id=user), subject=user, cause=Cause(correlation, cause))
    return as_recorded(envelope, at)


def as_recorded(envelope: Envelope, at: float) -> RecordedEvent:
    """The same from an envelope."""
    return RecordedEvent(
        context="identity",
        seq=1,
        envelope=envelope,
        recorded_at=BEGIN + timedelta(seconds=at),
        published_at=None,
        stream_id=None,
    )


def id_of(event: RecordedEvent) -> UUID:
    """The event's id."""
    return event.envelope.id


def test_events_stand_under_what_caused_them():
    """Depth first, in order of time, whatever order they are given in; offsets count from the first."""
    root = recorded("p", "request-1", 0)
    late_child = recorded("p", str(id_of(root)), 2)
    child = recorded("p", str(id_of(root)), 1)
    grandchild = recorded("p", str(id_of(child)), 3)
    other_root = recorded("p", "request-2", 0.5)

    (process,) = processes([grandchild, other_root, late_child, child, root], [])

    assert [(step.event, step.depth, step.offset_seconds) for step in process.steps] == [
        (root, 0, 0.0),
        (child, 1, 1.0),
        (grandchild, 2, 3.0),
        (late_child, 1, 2.0),
        (other_root, 0, 0.5),
    ]
    assert process.seconds == 3.0


def test_reactions_stand_at_their_event_with_the_time_since():
    """The process lasts until the last of them."""
    event = recorded("p", "request", 0)
    handled = ReactionTo(
        context="billing",
        event_id=id_of(event),
        reaction="billing.on_user_suspended",
        state="handled",
        at=BEGIN + timedelta(seconds=4),
    )
    strange = msgspec.structs.replace(handled, event_id=new_id())

    (process,) = processes([event], [handled, strange])

    assert [(each.reaction, each.after_seconds) for each in process.steps[0].reactions] == [(handled, 4.0)]
    assert process.seconds == 4.0


def test_processes_are_told_apart_and_the_first_comes_first():
    """An order's events belong to several."""
    later, earlier = recorded("later", "r", 5), recorded("earlier", "r", 1)

    assert [process.correlation_id for process in processes([later, earlier], [])] == ["earlier", "later"]


def test_no_event_is_left_out():
    """Two forms of one fact are both there, and so are events that name each other as their cause."""
    first = recorded("p", "request", 0)
    second = as_recorded(retyped(first.envelope, "user.suspended.v2"), 0)
    one, two = recorded("p", "?", 1), recorded("p", "?", 1)
    circle = [
        msgspec.structs.replace(one, envelope=msgspec.structs.replace(one.envelope, causationid=str(id_of(two)))),
        msgspec.structs.replace(two, envelope=msgspec.structs.replace(two.envelope, causationid=str(id_of(one)))),
    ]

    (process,) = processes([first, second, *circle], [])

    assert len(process.steps) == 4
