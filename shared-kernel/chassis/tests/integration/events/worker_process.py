"""A worker in a process of its own, to be killed: `python worker_process.py PLAN`, the plan as JSON.

`fault` names a point of the way of an event; when it is reached for the `nth` time the process kills itself with -9,
as no clean-up code could hinder, or stops itself with another `signal`.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import msgspec
from promenade_chassis.config import (
    AuthSettings,
    BusSettings,
    DatabaseSettings,
    EventsSettings,
    RedisSettings,
    Settings,
)
from promenade_chassis.database import Database
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.outlet_memory import MemoryOutlet
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.reader import StreamReader
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import EventWorker, event_worker
from promenade_kernel.events.envelope import Envelope, stream_of
from promenade_kernel.events.identity import UserSuspended

FAULTS: dict[str, tuple[Any, str]] = {
    "before-append": (StreamOutlet, "_append"),
    "before-mark": (StreamOutlet, "_mark"),
    "before-acknowledge": (StreamReader, "settle"),
    "before-memory-mark": (MemoryOutlet, "_mark"),
}


class Plan(msgspec.Struct):
    """What the process runs."""

    databases: dict[str, str]
    redis_url: str
    replica: str = "one"
    adapter: str = "redis"
    fault: str = ""
    nth: int = 1
    signal: int = signal.SIGKILL
    claim_after: float = 0.0


def doomed(plan: Plan) -> Callable[[], None]:
    """Counts, and ends or stops the process at the nth call."""
    calls = 0

    def reached() -> None:
        nonlocal calls
        calls += 1
        if calls == plan.nth:
            os.kill(os.getpid(), plan.signal)

    return reached


def install(plan: Plan) -> None:
    """Put the fault in its place."""
    if plan.fault not in FAULTS:
        return
    owner, name = FAULTS[plan.fault]
    original, reached = getattr(owner, name), doomed(plan)

    def guarded(self: Any, *arguments: Any) -> Any:
        if name != "_append" or arguments[-1]:  # an append without envelopes only compares
            reached()
        return original(self, *arguments)

    setattr(owner, name, guarded)


def react(worker: EventWorker, database: Database, plan: Plan) -> None:
    """The reaction: one row an event. It may die between its effect and the commit."""
    reached = doomed(plan) if plan.fault == "before-commit" else None

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        async with database.begin():
            await database.writing_connection().execute(
                "INSERT INTO effect (event_id, subject, sequence) VALUES (%(id)s, %(subject)s, %(sequence)s)",
                {"id": envelope.id, "subject": envelope.subject, "sequence": envelope.sequence},
            )
        if reached:
            reached()

    worker.subscribe(UserSuspended, on_user_suspended)


def make(plan: Plan, settings: Settings, name: str, database: Database, shared: MemoryBus | None) -> EventWorker:
    """A worker as services make it, or one in a hurry to claim what the dead left."""
    if not plan.claim_after:
        return event_worker(database, name, settings, memory_bus=shared)
    ledger = PostgresLedger(database, name, settings.events)
    bus = RedisBus(plan.redis_url, name, ledger, settings.events, claim_after=plan.claim_after)
    outlet = StreamOutlet(RedisLink(plan.redis_url), stream_of(name), settings.events)
    return EventWorker(database, name, settings.events, bus=bus, outlet=outlet)


async def run(plan: Plan) -> None:
    """Work until SIGTERM."""
    os.environ["PROMENADE_REPLICA"] = plan.replica
    install(plan)
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=plan.redis_url),
        bus=BusSettings(adapter="memory" if plan.adapter == "memory" else "redis"),
        events=EventsSettings(backoff_first_ms=20, gap_wait_seconds=1 if plan.claim_after else 10),
    )
    shared = MemoryBus() if plan.adapter == "memory" else None
    databases = {name: Database(DatabaseSettings(url=url)) for name, url in plan.databases.items()}
    workers = {name: make(plan, settings, name, each, shared) for name, each in databases.items()}
    if "billing" in workers:
        react(workers["billing"], databases["billing"], plan)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    for name in workers:
        await databases[name].open()
        await workers[name].start()
    print("ready", flush=True)
    await stop.wait()
    await asyncio.gather(*(worker.stop(8) for worker in workers.values()))
    for database in databases.values():
        await database.close()


if __name__ == "__main__":
    asyncio.run(run(msgspec.json.decode(sys.argv[1], type=Plan)))
