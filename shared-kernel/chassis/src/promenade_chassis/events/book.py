"""Where a ledger writes: the port, and what passes through it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from promenade_chassis.events.place import Facts, Position


class DatabaseAway(Exception):
    """The consumer's database cannot be reached; no attempt was made."""


class Collision(Exception):
    """Two transactions waited for each other; this one was chosen to end. Nobody's fault, and nothing took effect."""


class AlreadyDone(Exception):
    """Somebody else remembered this reaction as done meanwhile."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one reaction is with one event.

    Attributes:
        settled: it took effect, or was dead-lettered.
        attempts: how often it failed.
        wait: seconds until it may be tried again.
        waited: seconds since its first attempt.
    """

    settled: bool = False
    attempts: int = 0
    wait: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is given up: the whole envelope and why. `facts` is None when not even they could be read."""

    reaction: str
    facts: Facts | None
    envelope: bytes
    reason: str
    attempts: int = 0
    trace: str = ""


class Reached(NamedTuple):
    """A subject and a sequence it has reached, or shall reach."""

    source: str
    subject: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class Locked:
    """What `lock_all` found.

    Attributes:
        positions: of the subjects locked, in the order asked for; None for one that somebody else is entering now.
        entered: which of them were entered, with the sequence hoped for; their position is nothing so far.
        troubled: the events that have failed, wait, or were given up before.
    """

    positions: Sequence[Position | None]
    entered: Sequence[bool]
    troubled: Collection[UUID]


class Book(Protocol):
    """Progress, inbox, attempts and dead letters of one context. All but `begin` is called inside `begin`."""

    def begin(self, *, indivisible: bool = False) -> AbstractAsyncContextManager[None]:
        """One transaction, the unit of work reactions run in. Raises `DatabaseAway` and `Collision`.

        Of an `indivisible` one nothing commits when a block that a reaction opened in it has failed, also when the
        reaction went on after that; it is a `Collision` then.
        """
        ...

    async def lock(self, source: str, subject: UUID) -> Position:
        """Lock the subject's progress until the transaction ends."""
        ...

    async def lock_all(self, hopes: Sequence[Reached], events: Sequence[UUID]) -> Locked:
        """Lock the progress of several subjects until the transaction ends, in an order that all replicas keep.

        One never seen before is entered with the sequence hoped for: when that comes true nothing more is written.
        """
        ...

    async def settle_all(self, done: Sequence[tuple[UUID, str]], reached: Sequence[Reached]) -> None:
        """Add inbox rows and set the progress of locked subjects. Raises `AlreadyDone` when a row is there already."""
        ...

    async def standings(self, event_id: UUID) -> Mapping[str, Standing]:
        """How the reactions to an event stand; who is missing has not begun."""
        ...

    async def remember(self, event_id: UUID, reaction: str) -> None:
        """Add the inbox row and forget attempts. Raises `AlreadyDone`."""
        ...

    async def advance(self, source: str, subject: UUID, sequence: int) -> None:
        """Set the subject's progress."""
        ...

    async def postpone(self, event_id: UUID, reaction: str, *, attempts: int, delay: float, error: str) -> None:
        """Remember how often it failed and after how many seconds to try again."""
        ...

    async def bury(self, letter: DeadLetter) -> None:
        """Write the dead letter, once, and forget attempts."""
        ...
