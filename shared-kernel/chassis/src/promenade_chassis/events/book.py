"""Where a ledger writes: the port, and what passes through it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from promenade_chassis.events.place import Facts, Position


class DatabaseAway(Exception):
    """The consumer's database cannot be reached; no attempt was made."""


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


class Book(Protocol):
    """Progress, inbox, attempts and dead letters of one context. All but `begin` is called inside `begin`."""

    def begin(self) -> AbstractAsyncContextManager[None]:
        """One transaction, the unit of work reactions run in. Raises `DatabaseAway`."""
        ...

    async def lock(self, source: str, subject: UUID) -> Position:
        """Lock the subject's progress until the transaction ends."""
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
