"""The relay: from a service's outbox to its bus. One drains at a time, others stand by."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from promenade_chassis.database import Connection, Database, noticing

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

LOCK_KEY = 7_236_618_002  # one key for everybody: it is the database that differs
POLL_SECONDS = 0.2
_STANDBY_SECONDS = 0.5
_GATHER_SECONDS = 0.02  # between two looks at least, so that what is committed meanwhile shares one
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        # The server notices within half a minute when the holder of the lock is gone without a word.
        *("tcp_keepalives_idle=10", "tcp_keepalives_interval=5", "tcp_keepalives_count=4"),
        # A mark that a crash of the server takes back is one that was never made: the bus is asked what it has.
        "synchronous_commit=off",
        # Pages by key, whatever statistics there are: a backlog grows faster than they are gathered.
        *("enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off", "jit=off"),
        "plan_cache_mode=force_custom_plan",
    )
)


class Outlet(Protocol):
    """Where a relay publishes. Everything is done on the connection that holds the lock: without it nothing commits."""

    def attach(self, wake: Callable[[], None]) -> None:
        """Call `wake` when there is something to do before the next poll."""
        ...

    async def take_over(self, connection: Connection) -> None:
        """Learn how far the one before had come."""
        ...

    async def publish(self, connection: Connection) -> bool:
        """Publish the next unpublished rows; answers whether there may be more."""
        ...

    async def rest(self, connection: Connection) -> None:
        """Look after what was published; called often, does what is due."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Relay:
    """Drains the outbox for as long as it holds the database's session lock.

    `poll` is how many seconds it may sleep without being woken. `hint` is called after a commit of this process while
    another one's relay leads.
    """

    def __init__(
        self,
        database: Database,
        context: str,
        outlet: Outlet,
        *,
        hint: Callable[[], None] | None = None,
        poll: float = POLL_SECONDS,
    ) -> None:
        self._url = database.url
        self._context = context
        self._outlet = outlet
        self._hint = hint
        self._poll = poll
        self._leads = False
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        database.when_events_recorded(self.wake)
        outlet.attach(self.wake)

    def wake(self) -> None:
        """This process has something to publish."""
        self._wake.set()
        if self._hint is not None and not self._leads:
            self._hint()

    def hear(self) -> None:
        """Another process says that it has something to publish."""
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return after the batch under way."""
        self._stop.set()
        self._wake.set()

    async def run(self) -> None:
        """Wait for the lock, then publish until `stop`. Raises when PostgreSQL or Redis is away; run it again then."""
        connection: Connection = await AsyncConnection[DictRow].connect(
            noticing(self._url),
            autocommit=True,
            row_factory=dict_row,
            application_name=f"promenade-relay {self._context}",
            options=_SESSION,
        )
        async with connection:
            if await self._lead(connection):
                logger.info("relay.leads", context=self._context)
                self._leads = True
                try:
                    await self._outlet.take_over(connection)
                    await self._drain(connection)
                finally:
                    self._leads = False

    async def _lead(self, connection: Connection) -> bool:
        """Wait for the session lock, asking: a statement that waited for it would hold back vacuum."""
        while not self._stop.is_set():
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s) AS held", [LOCK_KEY])
            row = await cursor.fetchone()
            if row is not None and row["held"]:
                return True
            await _happens(self._stop, within=_STANDBY_SECONDS)
        return False

    async def _drain(self, connection: Connection) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            next_look = time.monotonic() + _GATHER_SECONDS
            more = await self._outlet.publish(connection)
            await self._outlet.rest(connection)
            if not more:
                await _happens(self._wake, within=self._poll)
                await asyncio.sleep(max(0.0, next_look - time.monotonic()))


async def _happens(event: asyncio.Event, *, within: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await event.wait()
