"""A ledger that keeps its book in memory: the same rules over dicts."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.book import AlreadyDone, DatabaseAway, DeadLetter, Locked, Reached, Standing
from promenade_chassis.events.ledger import BookLedger
from promenade_chassis.events.place import Position
from promenade_chassis.ports import UnitOfWork

Key = tuple[str, UUID]


@dataclass(slots=True)
class _Transaction:
    locks: AsyncExitStack
    writes: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])


@dataclass(slots=True)
class _Attempt:
    first_at: float
    attempts: int
    next_at: float


_transaction: ContextVar[_Transaction] = ContextVar("promenade_book_transaction")


class InMemoryBook:
    """Progress, inbox, attempts and dead letters as dicts; what is written shows when the transaction commits.

    `away = True` behaves as a database that cannot be reached.
    """

    def __init__(self, unit_of_work: UnitOfWork | None = None) -> None:
        self.away = False
        self.progress: dict[Key, int] = {}
        self.inbox: set[tuple[UUID, str]] = set()
        self.dead_letters: list[DeadLetter] = []
        self._known_since: dict[Key, float] = {}
        self._attempts: dict[tuple[UUID, str], _Attempt] = {}
        self._locks: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unit_of_work = unit_of_work

    @asynccontextmanager
    async def begin(self, *, indivisible: bool = False) -> AsyncGenerator[None, None]:
        """See `Book.begin`; the effects of reactions roll back when they use the unit of work given."""
        if self.away:
            raise DatabaseAway
        async with AsyncExitStack() as locks:
            transaction = _Transaction(locks)
            token = _transaction.set(transaction)
            try:
                if self._unit_of_work is None:
                    yield
                else:
                    async with self._unit_of_work.begin():
                        yield
            finally:
                _transaction.reset(token)
            for write in transaction.writes:
                write()

    async def lock(self, source: str, subject: UUID) -> Position:
        """See `Book.lock`."""
        key = (source, subject)
        await _transaction.get().locks.enter_async_context(self._locks[key])
        since = self._known_since.setdefault(key, time.monotonic())
        return Position(self.progress.get(key, 0), time.monotonic() - since)

    async def lock_all(self, hopes: Sequence[Reached], events: Sequence[UUID]) -> Locked:
        """See `Book.lock_all`: nothing is entered ahead of time."""
        for each in sorted(hopes):
            await self.lock(each.source, each.subject)
        now = time.monotonic()
        keys = [(each.source, each.subject) for each in hopes]
        positions = [Position(self.progress.get(key, 0), now - self._known_since[key]) for key in keys]
        known = {event for event, _ in self._attempts} | {each.facts.id for each in self.dead_letters if each.facts}
        return Locked(positions, [False] * len(hopes), known.intersection(events))

    async def settle_all(self, done: Sequence[tuple[UUID, str]], reached: Sequence[Reached]) -> None:
        """See `Book.settle_all`."""
        for event_id, reaction in done:
            await self.remember(event_id, reaction)
        for each in reached:
            await self.advance(*each)

    async def standings(self, event_id: UUID) -> Mapping[str, Standing]:
        """See `Book.standings`."""
        now = time.monotonic()
        found = {
            name: Standing(False, tried.attempts, tried.next_at - now, now - tried.first_at)
            for (event, name), tried in self._attempts.items()
            if event == event_id
        }
        settled = [name for event, name in self.inbox if event == event_id]
        settled += [letter.reaction for letter in self.dead_letters if letter.facts and letter.facts.id == event_id]
        return {**found, **{name: Standing(settled=True) for name in settled}}

    async def remember(self, event_id: UUID, reaction: str) -> None:
        """See `Book.remember`."""
        key = (event_id, reaction)
        if key in self.inbox:
            raise AlreadyDone
        self.when_committed(lambda: self.inbox.add(key))
        self.when_committed(lambda: self._forget(key))

    async def advance(self, source: str, subject: UUID, sequence: int) -> None:
        """See `Book.advance`."""
        self.when_committed(lambda: self.progress.update({(source, subject): sequence}))
        self.when_committed(lambda: self._known_since.update({(source, subject): time.monotonic()}))

    async def postpone(self, event_id: UUID, reaction: str, *, attempts: int, delay: float, error: str) -> None:
        """See `Book.postpone`."""
        now, key = time.monotonic(), (event_id, reaction)
        first_at = self._attempts[key].first_at if key in self._attempts else now
        self.when_committed(lambda: self._attempts.update({key: _Attempt(first_at, attempts, now + delay)}))

    async def bury(self, letter: DeadLetter) -> None:
        """See `Book.bury`."""
        self.when_committed(lambda: self.dead_letters.append(letter))
        if letter.facts is not None:
            key = (letter.facts.id, letter.reaction)
            self.when_committed(lambda: self._forget(key))

    def when_committed(self, change: Callable[[], None]) -> None:
        """Let this happen when the transaction under way commits, and not otherwise."""
        _transaction.get().writes.append(change)

    def _forget(self, key: tuple[UUID, str]) -> None:
        self._attempts.pop(key, None)


class InMemoryLedger(BookLedger):
    """The ledger of one context in memory; look into `book` to see what it knows."""

    def __init__(
        self,
        context: str,
        settings: EventsSettings | None = None,
        *,
        unit_of_work: UnitOfWork | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.book = InMemoryBook(unit_of_work)
        super().__init__(self.book, context, settings or EventsSettings(), jitter=jitter)
