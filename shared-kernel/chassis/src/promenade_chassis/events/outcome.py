"""What became of one delivery of one event."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Done:
    """Every reaction has committed or been dead-lettered: the delivery can be acknowledged."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not now: deliver it again after so many seconds, and nothing else of its subject before."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unpreceded:
    """The first thing ever seen of its subject is not number 1, and the wait for its past is over.

    Whoever delivers makes sure that nothing of that past is in flight, then delivers again with `adopt=True`.
    """


DONE = Done()
Outcome = Done | Again | Unpreceded
