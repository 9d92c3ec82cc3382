"""How long to wait: after a failed attempt, for something that has not arrived, for something that is away."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from promenade_chassis.config import EventsSettings

NOT_YET_FIRST = 0.05
NOT_YET_CAP = 5.0
_DOUBLINGS = 32  # beyond any cap, and far from overflowing a float


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter. Seconds.

    Attributes:
        attempts: after so many failures the event goes to the dead letters.
        first: upper bound of the wait after the first failure; it doubles with each further one.
        cap: the bound never grows beyond this.
    """

    attempts: int = 8
    first: float = 0.2
    cap: float = 30.0

    @staticmethod
    def of(settings: EventsSettings) -> RetryPolicy:
        """The policy the configuration asks for."""
        return RetryPolicy(settings.attempts, settings.backoff_first_ms / 1000, settings.backoff_cap_seconds)

    def is_exhausted(self, failures: int) -> bool:
        """Whether no further attempt is made after so many failures."""
        return failures >= self.attempts

    def ceiling(self, failures: int) -> float:
        """The longest wait after so many failures (from 1)."""
        return min(self.cap, self.first * 2.0 ** min(failures - 1, _DOUBLINGS))

    def delay(self, failures: int, jitter: Callable[[], float] = random.random) -> float:
        """The wait after so many failures: anything from nothing to the ceiling."""
        return self.ceiling(failures) * jitter()


def not_yet_delay(waited: float) -> float:
    """The next wait of a reaction that said `NotYet` and has waited so long: as long again, 50 ms to 5 s."""
    return min(max(waited, NOT_YET_FIRST), NOT_YET_CAP)


def pauses(first: float = 0.1, cap: float = 5.0) -> Iterator[float]:
    """Endless waits for something that is away: doubling to `cap`, shortened by up to half so that replicas spread."""
    ceiling = first
    while True:
        yield ceiling * (0.5 + random.random() / 2)  # noqa: S311 - it spreads load, it guards nothing
        ceiling = min(cap, ceiling * 2)
