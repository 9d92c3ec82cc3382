"""In-memory stand-ins with the behaviour of the real thing: versions, rollback, refused writes."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from promenade_kernel.events.registry import Event

from promenade_chassis.auth import AccessToken, InvalidToken
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.idempotency import IdempotencyKeyInFlight, IdempotencyKeyReused, StoredAnswer
from promenade_chassis.ports import Aggregate, ListOf, Page, PageRequest, Principal, StaleVersion, utc_now
from promenade_chassis.testing.lists import page_in_memory

A = TypeVar("A", bound=Aggregate)


class _Snapshots(Protocol):
    def snapshot(self) -> Any: ...
    def roll_back(self, snapshot: Any) -> None: ...


class InMemoryUnitOfWork:
    """Rolls every store that joined it back when an exception leaves the block. `events` are the committed facts."""

    def __init__(self) -> None:
        self._stores: list[_Snapshots] = []
        self._depth: dict[asyncio.Task[Any] | None, int] = {}
        self._turn = asyncio.Lock()
        self.events: list[Event] = []

    def join(self, store: _Snapshots) -> None:
        """Make a store part of every unit of work."""
        self._stores.append(store)

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[None, None]:
        """Open the unit of work; inside another one it is a savepoint."""
        task = asyncio.current_task()
        if self._depth.get(task):
            async with self._roll_back_on_error(task):
                yield
            return
        # One after the other: a snapshot taken back must not take other tasks' work with it.
        async with self._turn, self._roll_back_on_error(task):
            yield

    def at_once(self) -> AbstractAsyncContextManager[None]:
        """As `begin`."""
        return self.begin()

    @asynccontextmanager
    async def _roll_back_on_error(self, task: asyncio.Task[Any] | None) -> AsyncGenerator[None, None]:
        self._depth[task] = self._depth.get(task, 0) + 1
        saved = [(store, store.snapshot()) for store in self._stores]
        recorded = len(self.events)
        try:
            yield
        except BaseException:
            for store, snapshot in saved:
                store.roll_back(snapshot)
            del self.events[recorded:]
            raise
        finally:
            self._depth[task] -= 1

    def require(self) -> None:
        """Raise `TransactionMisuse` outside a unit of work."""
        if not self._depth.get(asyncio.current_task()):
            raise TransactionMisuse("writes need a unit of work")


class InMemoryRepository(Generic[A]):
    """The base of fakes: keeps copies, so that nothing changes without being saved."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._rows: dict[UUID, A] = {}
        unit_of_work.join(self)

    def snapshot(self) -> dict[UUID, A]:
        """The rows as they are."""
        return dict(self._rows)

    def roll_back(self, snapshot: dict[UUID, A]) -> None:
        """Take the rows back to a snapshot."""
        self._rows = snapshot

    def _living(self) -> Iterable[A]:
        return (row for row in self._rows.values() if not row.is_deleted)

    def _find(self, matches: Callable[[A], bool]) -> A | None:
        return next((copy.deepcopy(row) for row in self._living() if matches(row)), None)

    def _copy(self, row: A) -> A:
        return copy.deepcopy(row)

    def _page(self, declared: ListOf[A, Any], matches: Callable[[A], bool], request: PageRequest) -> Page[A]:
        """A page of the living rows that match, sorted as the list declares."""
        found = [row for row in self._living() if matches(row)]
        return page_in_memory(declared, found, request).map(self._copy)

    def _put(self, aggregate: A) -> None:
        """Insert or update; raises `StaleVersion` as the database would."""
        self._unit_of_work.require()
        stored = self._rows.get(aggregate.id)
        if (stored.version if stored else 0) != aggregate.version:
            raise StaleVersion
        recorded = aggregate.recorded()
        self._unit_of_work.events += recorded
        aggregate.mark_saved(
            version=aggregate.version + 1,
            last_sequence=aggregate.last_sequence + len(recorded),
            updated_at=utc_now(),
        )
        self._rows[aggregate.id] = copy.deepcopy(aggregate)


class InMemoryIdempotencyStore:
    """Keeps answers in a dict, and rolls back with the unit of work it is given."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork | None = None) -> None:
        self._answers: dict[tuple[str, str], tuple[bytes, StoredAnswer]] = {}
        if unit_of_work is not None:
            unit_of_work.join(self)
        self._held: dict[tuple[str, str], asyncio.Task[Any]] = {}

    def snapshot(self) -> dict[tuple[str, str], tuple[bytes, StoredAnswer]]:
        """The answers as they are."""
        return dict(self._answers)

    def roll_back(self, snapshot: dict[tuple[str, str], tuple[bytes, StoredAnswer]]) -> None:
        """Take the answers back to a snapshot."""
        self._answers = snapshot

    async def lock(self, scope: str, key: str) -> None:
        """Take the key until the running task ends."""
        holder = self._held.get((scope, key))
        task = asyncio.current_task()
        if holder is not None and holder is not task and not holder.done():
            raise IdempotencyKeyInFlight
        if task is not None:
            self._held[scope, key] = task

    async def find(self, scope: str, key: str, body_hash: bytes) -> StoredAnswer | None:
        """The stored answer, if any."""
        found = self._answers.get((scope, key))
        if found is not None and found[0] != body_hash:
            raise IdempotencyKeyReused
        return found[1] if found else None

    async def store(self, scope: str, key: str, body_hash: bytes, answer: StoredAnswer) -> None:
        """Keep the answer."""
        self._answers[scope, key] = (body_hash, answer)


class FakeVerifier:
    """Stands in for `TokenVerifier`: knows the tokens `sign_in` handed out."""

    def __init__(self) -> None:
        self._tokens: dict[str, AccessToken] = {}

    def sign_in(self, user_id: UUID, *permissions: str) -> dict[str, str]:
        """The Authorization header of a user with these permissions."""
        name = f"token-{user_id}-{'-'.join(sorted(permissions))}"
        principal = Principal(id=user_id, permissions=frozenset(permissions), session_id="session")
        self._tokens[name] = AccessToken(principal, jti=name, session_id="session", epoch=0, issued_at=0, expires_at=0)
        return {"Authorization": f"Bearer {name}"}

    async def verify(self, token: str) -> AccessToken:
        """The claims of a token handed out; raises `InvalidToken` for others."""
        try:
            return self._tokens[token]
        except KeyError:
            raise InvalidToken from None
