"""Real processes around real engines, and the check that would notice loss, doubling and disorder."""

# ruff: noqa: S101 - asserting is what this module is for

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psutil
from promenade_kernel.events.envelope import stream_of
from redis.exceptions import RedisError

from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import event_worker
from promenade_chassis.testing.doomed_worker import READY, Plan, live, settings_for
from promenade_chassis.testing.fault_load import Load
from promenade_chassis.testing.polling import eventually, stretched

PRODUCER, CONSUMER = "identity", "billing"
STREAM = stream_of(PRODUCER)
EFFECTS = """
CREATE TABLE fault_effect (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL, subject uuid NOT NULL, sequence bigint NOT NULL, replica text NOT NULL
)
"""
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["promenade_chassis.testing.doomed_worker"])


class WorkerProcess:
    """A worker that was started; its log is on disk."""

    def __init__(self, process: ForkServerProcess, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def lives(self) -> bool:
        return self.process.exitcode is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    async def ended(self, within: float = 20) -> int:
        """How it ended: its status, or the number of the signal as a negative one."""
        await asyncio.to_thread(self.process.join, stretched(within))
        assert self.process.exitcode is not None, f"{self.pid} still runs after {within} s"
        return self.process.exitcode

    async def stopped(self, within: float = 20) -> None:
        """Wait until SIGSTOP has taken hold of it."""
        await eventually(lambda: self._is(psutil.STATUS_STOPPED), within=within)

    def _is(self, status: str) -> None:
        found = psutil.Process(self.pid).status()
        assert found == status, found


class FaultRig:
    """Identity's database, which facts are committed to, and billing's, where they shall take effect.

    `redis_url` and the databases are reached directly; workers may be given other ways to the same.
    """

    def __init__(self, producer: Database, consumer: Database, redis_url: str, folder: Path) -> None:
        self.producer = producer
        self.consumer = consumer
        self.redis_url = redis_url
        self.link = RedisLink(redis_url)
        self.began = 0.0
        self._folder = folder
        self._started: list[WorkerProcess] = []

    async def launch(self, *contexts: str, ways: Mapping[str, str] | None = None, **plan: Any) -> WorkerProcess:
        """Start a process that works for one context or both, and wait until it is ready.

        `ways` are URLs for `identity`, `billing` or `redis` instead of the direct ones.
        """
        urls = {PRODUCER: self.producer.url, CONSUMER: self.consumer.url, "redis": self.redis_url, **(ways or {})}
        log = self._folder / f"worker-{len(self._started)}.log"
        databases = {name: urls[name] for name in contexts}
        whole = Plan(databases=databases, redis_url=urls["redis"], log=str(log), **plan)
        ours, theirs = _forks.Pipe(duplex=False)
        process = _forks.Process(target=live, args=(msgspec.json.encode(whole), theirs), daemon=True)
        process.start()
        theirs.close()
        worker = WorkerProcess(process, log)
        self._started.append(worker)
        said = await asyncio.to_thread(_hear, ours, stretched(20))
        assert said == READY, log.read_text()
        return worker

    @asynccontextmanager
    async def relay_here(self) -> AsyncGenerator[None]:
        """Identity's worker in this process: each commit of a load wakes it at once, as within a service."""
        worker = event_worker(self.producer, PRODUCER, settings_for(self.redis_url))
        await worker.start()
        try:
            yield
        finally:
            await worker.stop(5)

    async def kill_all(self) -> None:
        """Nothing that was started outlives the test."""
        for worker in self._started:
            if worker.lives:
                worker.process.kill()
            worker.process.join()
        await self.link.close()

    def recovers_from_now(self) -> None:
        """The fault is over; `settled` tells how long it took from here."""
        self.began = time.monotonic()

    async def progresses(self, within: float = 60) -> float:
        """Wait until something more takes effect; answers after how many seconds since the fault was over."""
        before = await eventually(lambda: self._count("fault_effect"), within=within)  # the database may be coming back
        await eventually(lambda: self._more_than(before), within=within)
        taken = time.monotonic() - self.began
        if self.began:
            print(f"effects again {taken:.2f} s after the fault")  # noqa: T201 - pytest shows it with -rP
        return taken

    async def settled(self, load: Load | Mapping[UUID, Sequence[int]], *, within: float = 60) -> None:
        """Every fact took effect once, of each subject in order, and nothing is on its way any more."""
        expected = load if isinstance(load, Mapping) else _whole(load)
        facts = sum(len(each) for each in expected.values())
        began = time.monotonic()
        await eventually(lambda: self._nothing_under_way(facts), within=within, every=0.05)
        print(f"{facts} facts settled {time.monotonic() - began:.2f} s after the last")  # noqa: T201
        assert await self.effects() == {subject: list(each) for subject, each in expected.items() if each}
        assert await self._count("attempt") == 0

    async def effects(self) -> dict[UUID, list[int]]:
        """The sequences that took effect on each subject, in the order they did."""
        rows = await self.look(
            self.consumer,
            "SELECT subject, array_agg(sequence ORDER BY position) AS sequences FROM fault_effect GROUP BY subject",
        )
        return {row["subject"]: row["sequences"] for row in rows}

    async def dead_letters(self) -> list[tuple[UUID | None, int]]:
        """Subject and attempts of each dead letter."""
        rows = await self.look(self.consumer, "SELECT subject, attempts FROM dead_letter ORDER BY subject, created_at")
        return [(row["subject"], row["attempts"]) for row in rows]

    async def look(self, database: Database, statement: Any) -> list[dict[str, Any]]:
        """Read from a database."""
        async with database.reading_connection() as connection:
            return await (await connection.execute(statement)).fetchall()

    async def _nothing_under_way(self, facts: int) -> None:
        assert await self._count("fault_effect") >= facts, f"{await self._count('fault_effect')} of {facts} effects"
        unpublished = await self.look(self.producer, "SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")
        assert unpublished[0]["n"] == 0
        remembered = await self.look(self.producer, f"SELECT last_id FROM stream_state WHERE stream = '{STREAM}'")
        if remembered:  # the memory bus has no stream
            await self._stream_is_done(remembered[0]["last_id"].encode())

    async def _stream_is_done(self, remembered: bytes) -> None:
        try:
            groups = await self.link.call("XINFO", "GROUPS", STREAM)
            info = await self.link.call("XINFO", "STREAM", STREAM)
        except RedisError as error:
            raise AssertionError("no stream") from error
        (group,) = [dict(zip(each[::2], each[1::2], strict=True)) for each in groups]
        last = dict(zip(info[::2], info[1::2], strict=True))[b"last-generated-id"]
        assert (group[b"pending"], group[b"last-delivered-id"], last) == (0, last, remembered)

    async def _more_than(self, before: int) -> None:
        assert await self._count("fault_effect") > before

    async def _count(self, table: str) -> int:
        return (await self.look(self.consumer, f"SELECT count(*) AS n FROM {table}"))[0]["n"]


@asynccontextmanager
async def fault_rig(producer_url: str, consumer_url: str, redis_url: str, folder: Path) -> AsyncGenerator[FaultRig]:
    """A rig on two migrated databases; what it started is killed at its end."""
    producer = Database(DatabaseSettings(url=producer_url, acquire_timeout_seconds=1))
    consumer = Database(DatabaseSettings(url=consumer_url, acquire_timeout_seconds=1))
    await producer.open()
    await consumer.open()
    async with consumer.reading_connection() as connection:
        await connection.execute(EFFECTS)
    rig = FaultRig(producer, consumer, redis_url, folder)
    try:
        yield rig
    finally:
        await rig.kill_all()
        await producer.close()
        await consumer.close()


async def killed(worker: WorkerProcess) -> None:
    """Wait until it has killed itself."""
    assert await worker.ended() == -signal.SIGKILL, worker.log.read_text()


def _whole(load: Load) -> dict[UUID, Sequence[int]]:
    return {subject: range(1, last + 1) for subject, last in load.recorded.items()}


def _hear(connection: Any, within: float) -> bytes:
    if not connection.poll(within):
        return b"nothing"
    try:
        return connection.recv_bytes()
    except EOFError:
        return b"its end"
    finally:
        connection.close()
