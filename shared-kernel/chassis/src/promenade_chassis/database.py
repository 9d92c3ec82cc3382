"""The pool and the unit of work.

`Database.begin()` opens a transaction and leaves it in a context variable; repositories find it there by
themselves. The variable remembers the task that opened the transaction: a task created inside inherits the
variable but must not share the connection, so its use of it raises instead of corrupting the protocol.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from promenade_chassis.additions import Addition, add_all
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.telemetry.spans import piece, tracing_is_on
from promenade_chassis.telemetry.statements import TracedCursor

# Reads what json reads, whole numbers of any size too, in a fraction of the time.
set_json_loads(msgspec.json.decode)

Connection = AsyncConnection[DictRow]
TRUSTED_SECONDS = 1.0
AfterCommit = Callable[[], Awaitable[None] | None]

# A host that vanishes without a word is noticed in about 20 seconds, not in the quarter of an hour of the system's own
# patience. Over a Unix socket only the first one counts.
_NETWORK_OPTIONS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def noticing(url: str) -> str:
    """The same way to the database, on which a host that vanished is noticed; what the URL says itself stays."""
    own = conninfo_to_dict(url)
    return make_conninfo(url, **{name: value for name, value in _NETWORK_OPTIONS.items() if name not in own})


class TransactionUndone(RuntimeError):
    """A block inside an indivisible unit of work failed, and somebody caught that: nothing of it took effect."""


class TransactionMisuse(RuntimeError):
    """A write outside a unit of work, or a unit of work used by a task that did not open it."""


@dataclass(slots=True)
class _Transaction:
    """`additions` are those of a unit of work that goes to the database at its end: it has no connection."""

    connection: Connection | None
    task: asyncio.Task[Any] | None
    indivisible: bool = False
    failure: BaseException | None = None  # the first one that left a part of it
    open: bool = True
    additions: list[Addition] | None = None
    after_commit: list[AfterCommit] = field(default_factory=list[AfterCommit])


_transactions: ContextVar[dict[int, _Transaction]] = ContextVar("promenade_transactions")


class Database:
    """One service's database: a pool of connections, and the unit of work over it."""

    def __init__(self, settings: DatabaseSettings, *, application_name: str = "promenade") -> None:
        self.url = settings.url
        self._checked: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._events_recorded: list[AfterCommit] = []
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            noticing(settings.url),
            connection_class=AsyncConnection[DictRow],
            kwargs={
                "autocommit": True,
                "row_factory": dict_row,
                "application_name": application_name,
                **({"cursor_factory": TracedCursor} if tracing_is_on() else {}),
                "options": f"-c statement_timeout={settings.statement_timeout_ms} -c timezone=UTC",
            },
            min_size=settings.min_size,
            max_size=settings.max_size,
            timeout=settings.acquire_timeout_seconds,
            check=self._check if settings.check_connections else None,
            open=False,
        )

    async def _check(self, connection: Connection) -> None:
        # One that worked a moment ago is trusted: a look at each would double the statements of a short request.
        now = time.monotonic()
        if now - self._checked.get(connection, 0.0) > TRUSTED_SECONDS:
            await connection.execute("")
            self._checked[connection] = now

    async def open(self) -> None:
        """Start the pool; connections are made in the background and remade when PostgreSQL comes back."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    def pool_stats(self) -> Mapping[str, int]:
        """How busy the pool is, in `psycopg_pool`'s words."""
        return self._pool.get_stats()

    async def is_ready(self) -> bool:
        """Whether the database answers."""
        async with self._pool.connection(timeout=1.0) as connection:
            await connection.execute("SELECT 1")
        return True

    @asynccontextmanager
    async def begin(self, *, indivisible: bool = False) -> AsyncGenerator[None, None]:
        """Open the unit of work; inside another one it is a savepoint.

        Commits at the end of the block, rolls back when an exception leaves it. What was registered with
        `on_commit` runs after the outermost commit, in order, and not at all after a rollback.

        Inside an `indivisible` one are no savepoints, which cost two statements each: when a block in it fails nothing
        of it commits. It ends with that failure, or, where somebody caught it, with `TransactionUndone`: whatever came
        after it, another failure too, came of rows that will never have been.
        """
        outer = self._current()
        if outer is not None:
            async with self._inside(outer):
                yield
            return
        with piece("transaction"):
            async with self._pool.connection() as connection:
                transaction = _Transaction(connection, asyncio.current_task(), indivisible)
                token = _transactions.set({**_transactions.get({}), id(self): transaction})
                try:
                    async with connection.transaction():
                        with _whole(transaction):
                            yield
                finally:
                    transaction.open = False
                    _transactions.reset(token)
        await _call(transaction.after_commit)

    @asynccontextmanager
    async def at_once(self) -> AsyncGenerator[None, None]:
        """Open a unit of work that only adds rows: all of them go to the database at its end, in one statement.

        What they raise is raised there. Inside another unit of work the statement is part of that one. Asking for
        anything, changing a row, or beginning another unit of work in the block raises `TransactionMisuse`.
        """
        outer = self._current()
        additions: list[Addition] = []
        block = _Transaction(None, asyncio.current_task(), additions=additions)
        token = _transactions.set({**_transactions.get({}), id(self): block})
        try:
            yield
        finally:
            block.open = False
            _transactions.reset(token)
        if outer is not None:
            async with self._inside(outer):
                await add_all(_connection_of(outer), additions)
                outer.after_commit += [each for each in block.after_commit if each not in outer.after_commit]
            return
        with piece("transaction"):
            async with _Pooled(self._pool) as connection:
                await add_all(connection, additions)
        await _call(block.after_commit)

    def _inside(self, outer: _Transaction) -> AbstractAsyncContextManager[None]:
        return _part(outer) if outer.indivisible else self._savepoint(outer)

    @asynccontextmanager
    async def _savepoint(self, outer: _Transaction) -> AsyncGenerator[None, None]:
        mark = len(outer.after_commit)
        try:
            async with _connection_of(outer).transaction():
                yield
        except BaseException:
            del outer.after_commit[mark:]
            raise

    def in_transaction(self) -> bool:
        """Whether the running task is inside a unit of work of this database."""
        return self._current() is not None

    def writing_connection(self) -> Connection:
        """The transaction's connection; raises `TransactionMisuse` outside a unit of work."""
        transaction = self._current()
        if transaction is None:
            raise TransactionMisuse("writes need a unit of work: `async with unit_of_work.begin():`")
        return _connection_of(transaction)

    def gathered(self) -> list[Addition] | None:
        """Where additions wait for the end of the unit of work, in one that is `at_once`."""
        transaction = self._current()
        return transaction.additions if transaction else None

    def reading_connection(self) -> AbstractAsyncContextManager[Connection]:
        """The transaction's connection inside a unit of work, a pooled one outside."""
        transaction = self._current()
        return _Borrowed(_connection_of(transaction)) if transaction else _Pooled(self._pool)

    def on_commit(self, callback: AfterCommit) -> None:
        """Run `callback` once the transaction has committed; it must not raise. A coroutine is waited for."""
        transaction = self._current()
        if transaction is None:
            raise TransactionMisuse("on_commit needs a unit of work")
        if callback not in transaction.after_commit:
            transaction.after_commit.append(callback)

    def when_events_recorded(self, callback: AfterCommit) -> None:
        """Call `callback` after every commit that wrote to the outbox: this is how the relay is woken."""
        self._events_recorded.append(callback)

    def announce_events(self) -> None:
        """Called by whoever writes to the outbox, inside the transaction."""
        for callback in self._events_recorded:
            self.on_commit(callback)

    def _current(self) -> _Transaction | None:
        transaction = _transactions.get({}).get(id(self))
        if transaction is None:
            return None
        if not transaction.open:
            raise TransactionMisuse("the unit of work this context inherited has ended")
        if transaction.task is not asyncio.current_task():
            raise TransactionMisuse("a unit of work belongs to the task that opened it")
        return transaction


def _connection_of(transaction: _Transaction) -> Connection:
    if transaction.connection is None:
        raise TransactionMisuse("a unit of work that is at once only adds rows: ask before it, or use `begin()`")
    return transaction.connection


async def _call(callbacks: list[AfterCommit]) -> None:
    for callback in callbacks:
        waited_for = callback()
        if waited_for is not None:
            await waited_for


@contextmanager
def _whole(transaction: _Transaction) -> Generator[None, None, None]:
    """All of an indivisible unit of work; of others no part is known."""
    try:
        yield
    except Exception as error:
        if transaction.failure is None or _came_of(error, transaction.failure):
            raise
        raise TransactionUndone("a part of it had failed") from error
    if transaction.failure is not None:
        raise TransactionUndone("a part of it failed") from transaction.failure


def _came_of(error: BaseException, first: BaseException) -> bool:
    """Whether it is that one, or was raised from it."""
    causes: list[BaseException] = []
    known: BaseException | None = error
    while known is not None and known not in causes:  # `raise error from error` is its own
        causes.append(known)
        known = known.__cause__
    return first in causes


@asynccontextmanager
async def _part(whole: _Transaction) -> AsyncGenerator[None, None]:
    """A block of an indivisible unit of work."""
    try:
        yield
    except BaseException as error:
        whole.failure = whole.failure or error
        raise


class _Borrowed(AbstractAsyncContextManager[Connection]):
    """The transaction's connection, which stays with it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def __aenter__(self) -> Connection:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None


class _Pooled(AbstractAsyncContextManager[Connection]):
    """A connection of the pool for reading. The pool's own context manager would commit, and of what is committed by
    itself there is nothing to commit; whatever state the connection is left in, the pool sees to it.
    """

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: AsyncConnectionPool[Connection]) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        self._connection = await self._pool.getconn()
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._pool.putconn(self._connection)
