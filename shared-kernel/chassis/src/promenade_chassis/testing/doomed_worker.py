"""A worker in a process of its own, to be killed at a chosen point of an event's way.

Forked from a server that has imported everything already, so that a death and a new life cost some 30 ms. It kills
itself with a signal that no clean-up code can hinder: SIGKILL, or SIGSTOP for one that shall wake up later.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope, stream_of
from promenade_kernel.events.identity import UserSuspended

from promenade_chassis.config import (
    AuthSettings,
    BusSettings,
    DatabaseSettings,
    EventsSettings,
    RedisSettings,
    Settings,
)
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Delivered
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.outlet_memory import MemoryOutlet
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.reader import StreamReader
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import EventWorker, event_worker
from promenade_chassis.logs import configure_logging
from promenade_chassis.ports import PermanentError

METHODS: dict[str, tuple[Any, str]] = {
    "before-append": (StreamOutlet, "_append"),
    "before-mark": (StreamOutlet, "_mark"),
    "before-acknowledge": (StreamReader, "settle"),
    "before-memory-mark": (MemoryOutlet, "_mark"),
}
"""Faults that hook a method; `in-batch` (after so many effects, before the commit) and `after-commit` hook the
reaction."""

READY = b"ready"
INSERT = """
INSERT INTO fault_effect (event_id, subject, sequence, replica)
VALUES (%(id)s, %(subject)s, %(sequence)s, %(replica)s)
"""


class Plan(msgspec.Struct, kw_only=True):
    """What the process runs.

    Attributes:
        databases: URL by context; `identity` produces, `billing` reacts.
        fault: where it dies, when it comes there for the `nth` time.
        moods: how the reaction behaves to a subject's events: `refuses`, `always-fails`, `fails-twice`.
        slow: seconds that each reaction takes, so that much is waiting when something breaks.
        batch: the reaction takes all the events of a transaction in one call.
        claim_after: seconds after which it takes over what the dead left, and waits a third of that for a lost past.
        stop_within: seconds from SIGTERM until it gives up what it has not finished.
    """

    databases: dict[str, str]
    redis_url: str
    log: str
    replica: str = "one"
    adapter: str = "redis"
    fault: str = ""
    nth: int = 1
    deadly: int = signal.SIGKILL
    claim_after: float = 0.0
    attempts: int = 8
    slow: float = 0.0
    batch: bool = False
    stop_within: float = 8.0
    moods: dict[UUID, str] = msgspec.field(default_factory=dict[UUID, str])


def live(plan: bytes, told: Connection) -> None:
    """The process' whole life; says `READY` once both ends work."""
    decoded = msgspec.json.decode(plan, type=Plan)
    log = os.open(decoded.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stdout.fileno() if sys.stdout else 1)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PROMENADE_REPLICA"] = decoded.replica
    asyncio.run(_work(decoded, told))


async def _work(plan: Plan, told: Connection) -> None:
    settings = settings_for(
        plan.redis_url, adapter=plan.adapter, attempts=plan.attempts, gap_wait=plan.claim_after / 3 or 10
    )
    configure_logging(settings.log, service=plan.replica)
    reached = _doom(plan)
    _install(plan, reached)
    shared = MemoryBus() if plan.adapter == "memory" else None
    databases = {name: Database(DatabaseSettings(url=url)) for name, url in plan.databases.items()}
    workers = {name: _make(plan, settings, name, each, shared) for name, each in databases.items()}
    if "billing" in workers:
        reaction = _Reaction(plan, databases["billing"], reached)
        react = reaction.on_user_suspensions if plan.batch else reaction.on_user_suspended
        workers["billing"].subscribe(UserSuspended, react, batch=plan.batch)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for name in workers:
        await databases[name].open()
        await workers[name].start()
    told.send_bytes(READY)
    await stop.wait()
    await asyncio.gather(*(worker.stop(plan.stop_within) for worker in workers.values()))
    for database in databases.values():
        await database.close()


def settings_for(redis_url: str, *, adapter: str = "redis", attempts: int = 8, gap_wait: float = 10) -> Settings:
    """A worker's settings, as by default but for a quick first retry."""
    return Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=redis_url),
        bus=BusSettings(adapter="memory" if adapter == "memory" else "redis"),
        events=EventsSettings(backoff_first_ms=20, attempts=attempts, gap_wait_seconds=gap_wait),
    )


def _doom(plan: Plan) -> Callable[[], None]:
    """Counts, and ends or stops the process at the nth call."""
    calls = 0

    def reached() -> None:
        nonlocal calls
        calls += 1
        if calls == plan.nth:
            os.kill(os.getpid(), plan.deadly)

    return reached


def _install(plan: Plan, reached: Callable[[], None]) -> None:
    """Put the fault in its place."""
    if plan.fault not in METHODS:
        return
    owner, name = METHODS[plan.fault]
    original = getattr(owner, name)

    def guarded(self: Any, *arguments: Any, **more: Any) -> Any:
        if not _is_idle(name, arguments[-1]):
            reached()
        return original(self, *arguments, **more)

    setattr(owner, name, guarded)


def _is_idle(method: str, last: Any) -> bool:
    """An append without envelopes only compares; a page without ids has nothing to be marked."""
    return (method == "_append" and not last) or (method == "_mark" and getattr(last, "first_id", last) is None)


def _make(plan: Plan, settings: Settings, name: str, database: Database, shared: MemoryBus | None) -> EventWorker:
    """A worker as services make it, or one in a hurry to claim what the dead left."""
    if not plan.claim_after:
        return event_worker(database, name, settings, memory_bus=shared)
    ledger = PostgresLedger(database, name, settings.events)
    bus = RedisBus(plan.redis_url, name, ledger, settings.events, claim_after=plan.claim_after)
    outlet = StreamOutlet(RedisLink(plan.redis_url), stream_of(name), settings.events)
    return EventWorker(database, name, settings.events, bus=bus, outlet=outlet)


class _Reaction:
    """One row an event; dies or misbehaves as planned."""

    def __init__(self, plan: Plan, database: Database, reached: Callable[[], None]) -> None:
        self._plan = plan
        self._database = database
        self._reached = reached
        self._tries: Counter[UUID] = Counter()

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        """Write the effect, and then perhaps fail: what was written before must not stay."""
        async with self._database.begin():
            values = {"id": envelope.id, "subject": envelope.subject, "sequence": envelope.sequence}
            connection = self._database.writing_connection()
            await connection.execute(INSERT, {**values, "replica": self._plan.replica})
        if self._plan.slow:
            await asyncio.sleep(self._plan.slow)
        self._misbehave(envelope)
        if self._plan.fault == "in-batch":
            self._reached()
        if self._plan.fault == "after-commit":
            self._database.on_commit(self._reached)

    async def on_user_suspensions(self, batch: Sequence[Delivered[UserSuspended]]) -> None:
        """The same for all of them."""
        for each in batch:
            await self.on_user_suspended(each.event, each.envelope)

    def _misbehave(self, envelope: Envelope) -> None:
        mood = self._plan.moods.get(envelope.subject)
        self._tries[envelope.id] += mood is not None
        if mood == "refuses":
            raise PermanentError("never")
        if mood == "always-fails" or (mood == "fails-twice" and self._tries[envelope.id] <= 2):
            raise LookupError("not this time")
