"""The events that all rows carry: `user.suspended.v1`, some 440 bytes in its envelope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from promenade_kernel.events.envelope import Cause, Envelope, seal, stream_of
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id

T = TypeVar("T")

CONSUMER = "billing"
STREAM = stream_of("identity")
CAUSE = Cause(correlation_id=str(new_id()), causation_id=str(new_id()))


def sealed(subject: UUID, sequence: int) -> Envelope:
    """One fact about a subject."""
    return seal(UserSuspended(user_id=subject), subject=subject, sequence=sequence, cause=CAUSE)


def facts(events: int, subjects: int) -> list[Envelope]:
    """So many facts, dealt in turns to so many subjects."""
    people = [new_id() for _ in range(subjects)]
    return [sealed(people[number % subjects], number // subjects + 1) for number in range(events)]


def pages(values: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Slices of at most `size`."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def assert_all_in_order(found: Iterable[tuple[UUID, int]], expected: int) -> None:
    """Every fact once, and each subject's in the order of its sequence."""
    last: defaultdict[UUID, int] = defaultdict(int)
    count = 0
    for subject, sequence in found:
        assert sequence == last[subject] + 1, f"{subject}: {sequence} after {last[subject]}"
        last[subject] = sequence
        count += 1
    assert count == expected, f"{count} of {expected} were delivered"
