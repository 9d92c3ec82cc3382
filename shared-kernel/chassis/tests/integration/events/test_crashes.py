"""Whatever is killed, every fact takes effect once and in order: real processes, real kill -9."""

import asyncio
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psutil
import pytest
import pytest_asyncio
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.testing.bus_rig import PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.relay_rig import entries
from promenade_kernel.events.envelope import Envelope

SCRIPT = Path(__file__).with_name("worker_process.py")
Process = asyncio.subprocess.Process
Launch = Callable[..., Awaitable[Process]]
_RELAY_SESSIONS = """
FROM pg_stat_activity WHERE application_name = 'promenade-relay identity' AND datname = current_database()
"""


@pytest_asyncio.fixture
async def producer(new_database: NewDatabase, migration_folders: Sequence[Path]) -> AsyncGenerator[Database, None]:
    """Identity's database."""
    opened = Database(DatabaseSettings(url=new_database(migration_folders)))
    await opened.open()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def launch(producer: Database, books: PostgresBookkeeping, redis_url: str) -> AsyncGenerator[Launch, None]:
    """Starts a process that works for identity, for billing, or for both, and waits until it is ready."""
    urls = {"identity": producer.url, "billing": books.database.url}
    running: list[Process] = []

    async def start(*contexts: str, **plan: Any) -> Process:
        whole = {"databases": {name: urls[name] for name in contexts}, "redis_url": redis_url, **plan}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), msgspec.json.encode(whole).decode(), stdout=asyncio.subprocess.PIPE
        )
        running.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(stretched(20)):
            while (line := await process.stdout.readline()) != b"ready\n":
                assert line or process.returncode is None
        # What it logs is read away, or it would stand still once the pipe is full.
        process.log = asyncio.create_task(process.stdout.read())  # pyright: ignore[reportAttributeAccessIssue]
        return process

    yield start
    for process in running:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: Process) -> int:
    """How it ended."""
    async with asyncio.timeout(stretched(20)):
        return await process.wait()


def load() -> list[Envelope]:
    """Facts of twenty subjects, dealt in turns."""
    return in_turns(*(history(10) for _ in range(20)))


async def each_once_and_in_order(books: PostgresBookkeeping, facts: Sequence[Envelope]) -> None:
    """The number of effects is the number of facts; of each subject they are in order."""
    effects = await books.effects()
    by_subject: dict[UUID, list[int]] = defaultdict(list)
    for subject, sequence in effects:
        by_subject[subject].append(sequence)
    expected: dict[UUID, list[int]] = defaultdict(list)
    for fact in facts:
        expected[fact.subject].append(fact.sequence)
    assert by_subject == expected


@pytest.mark.parametrize("fault", ["before-append", "before-mark"])
async def test_a_relay_killed_at_any_point_loses_and_doubles_nothing(
    fault: str, launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """After the commit and before the append, after the append and before the mark."""
    facts = load()
    await launch("billing")
    doomed = await launch("identity", fault=fault, nth=random.randint(1, 3))
    for start in range(0, len(facts), 40):
        await record(producer, facts[start : start + 40])
        await eventually(lambda: _published_or_dead(producer, doomed))
    assert await ended(doomed) == -signal.SIGKILL

    await launch("identity")

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.parametrize("fault", ["before-commit", "before-acknowledge"])
async def test_a_consumer_killed_at_any_point_loses_and_doubles_nothing(
    fault: str, launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """Inside the transaction, and after its commit before XACK."""
    facts = load()
    await launch("identity")
    doomed = await launch("billing", fault=fault, nth=random.randint(1, 150))
    await record(producer, facts)
    assert await ended(doomed) == -signal.SIGKILL

    await launch("billing")

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


async def test_one_of_two_consumers_killed_leaves_its_entries_to_the_other(
    launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """Nobody starts it again: after a while the other claims them, and adopted no subject meanwhile.

    The wait for a lost past is shorter here than the wait for the dead, as it is by default (10 s and 15 s).
    """
    facts = load()
    await launch("identity")
    await launch("billing", replica="survivor", claim_after=4.0)
    doomed = await launch("billing", replica="doomed", claim_after=4.0, fault="before-commit", nth=random.randint(1, 8))
    for start in range(0, len(facts), 5):  # little by little, so that both get some
        await record(producer, facts[start : start + 5])
        await eventually(lambda: _published_or_dead(producer, doomed))
    assert await ended(doomed) == -signal.SIGKILL

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.long
async def test_two_consumers_keep_the_order_of_each_subject(
    launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """Two processes, one subject's events dealt to both."""
    facts = in_turns(*(history(20) for _ in range(50)))
    await launch("identity")
    await asyncio.gather(launch("billing", replica="one"), launch("billing", replica="two"))

    for start in range(0, len(facts), 100):
        await record(producer, facts[start : start + 100])

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.long
async def test_of_two_relays_the_second_goes_on_when_the_first_is_killed(
    launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """Killed under load, wherever it is."""
    facts = load()
    await launch("billing")
    leader = await launch("identity", replica="one")
    await launch("identity", replica="two")
    for start in range(0, len(facts), 20):
        await record(producer, facts[start : start + 20])
        if start == 80:
            leader.kill()

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.long
async def test_sigterm_under_load_ends_well_and_the_rest_is_done_later(
    launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """Exit 0 within the deadline, nothing lost or doubled."""
    facts = load()
    processes = [await launch("identity"), await launch("billing")]
    await record(producer, facts[:150])
    await eventually(lambda: _some_effects(books))
    for process in processes:
        process.terminate()
    exits = [await ended(process) for process in processes]
    await record(producer, facts[150:])

    await launch("identity")
    await launch("billing")

    assert exits == [0, 0]
    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.long
async def test_redis_emptied_under_load_with_a_relay_killed_beside_it(
    launch: Launch, producer: Database, books: PostgresBookkeeping, link: RedisLink
):
    """Everything at once: the stream is gone, its relay dies, more is recorded in the same millisecond."""
    facts = load()
    await launch("billing")
    relay = await launch("identity")
    await record(producer, facts[:120])
    await eventually(lambda: _some_effects(books))
    await link.call("FLUSHDB")
    await record(producer, facts[120:])
    relay.kill()

    await launch("identity")

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["before-commit", "before-memory-mark"])
async def test_one_process_on_the_memory_bus_killed_loses_and_doubles_nothing(
    fault: str, launch: Launch, producer: Database, books: PostgresBookkeeping
):
    """What was not marked is published again at the next start, and the ledger knows what had taken effect."""
    facts = load()
    await record(producer, facts)
    doomed = await launch("identity", "billing", adapter="memory", fault=fault, nth=random.randint(2, 100))
    if fault == "before-memory-mark":
        await eventually(lambda: _some_effects(books))
    assert await ended(doomed) == -signal.SIGKILL

    await launch("identity", "billing", adapter="memory")

    await eventually(lambda: each_once_and_in_order(books, facts), within=40)


async def _published_or_dead(producer: Database, process: Process) -> None:
    async with producer.reading_connection() as connection:
        cursor = await connection.execute("SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1")
        waiting = await cursor.fetchone()
    assert waiting is None or process.returncode is not None


async def _some_effects(books: PostgresBookkeeping) -> None:
    assert await books.effects()


async def test_a_relay_that_slept_through_the_loss_of_its_lock_appends_nothing(
    launch: Launch, producer: Database, books: PostgresBookkeeping, link: RedisLink
):
    """Stopped with rows in its hands; its session ended, another published them; then it goes on where it was."""
    facts = history(6)
    await launch("billing")
    sleeper = await launch("identity", fault="before-append", signal=signal.SIGSTOP)
    await record(producer, facts[:3])
    await eventually(lambda: _is_stopped(sleeper))
    await _end_relay_sessions(producer)
    await launch("identity", replica="two")
    await record(producer, facts[3:5])
    await eventually(lambda: _published_are(link, facts[:5]))

    sleeper.send_signal(signal.SIGCONT)
    await eventually(lambda: _relays_are(producer, 2))  # it has noticed, and stands by
    await record(producer, facts[5:])

    await eventually(lambda: each_once_and_in_order(books, facts))
    await _published_are(link, facts)


def _is_stopped(process: Process) -> None:
    assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


async def _published_are(link: RedisLink, facts: Sequence[Envelope]) -> None:
    assert [envelope for _, envelope in await entries(link)] == list(facts)


async def _end_relay_sessions(database: Database) -> None:
    async with database.reading_connection() as connection:
        await connection.execute(f"SELECT pg_terminate_backend(pid) {_RELAY_SESSIONS}")


async def _relays_are(database: Database, expected: int) -> None:
    async with database.reading_connection() as connection:
        row = await (await connection.execute(f"SELECT count(*) AS count {_RELAY_SESSIONS}")).fetchone()
    assert row == {"count": expected}
