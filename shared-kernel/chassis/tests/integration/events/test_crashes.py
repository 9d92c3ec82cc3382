"""Whatever is killed, every fact takes effect once and in order: real processes, real kill -9, under load."""

import random
import signal
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.fault_load import Load
from promenade_chassis.testing.fault_rig import STREAM, FaultRig, fault_rig, killed
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually
from promenade_kernel.values.ids import new_id

KILLS = [3, pytest.param(30, marks=pytest.mark.long)]
# How often a consumer comes there before it dies, at most: each takes it less than a second of load to reach.
MOST_CALLS = {"in-batch": 40, "after-commit": 10, "before-acknowledge": 3}


@pytest_asyncio.fixture
async def rig(
    new_database: NewDatabase, migration_folders: Sequence[Path], redis_url: str, tmp_path: Path
) -> AsyncGenerator[FaultRig, None]:
    """Two databases and a Redis; nothing runs yet."""
    urls = new_database(migration_folders), new_database(migration_folders)
    async with fault_rig(*urls, redis_url, tmp_path) as made:
        yield made


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("fault", ["before-append", "before-mark"])
async def test_a_relay_killed_again_and_again_loses_and_doubles_nothing(rig: FaultRig, fault: str, kills: int):
    """After the commit and before XADD, after XADD and before the mark; facts are committed all the time."""
    await rig.launch("billing")
    async with Load(rig.producer) as load:
        for _ in range(kills):
            await killed(await rig.launch("identity", fault=fault, nth=random.randint(1, 3)))
        await rig.launch("identity")
        await load.more(50)

    await rig.settled(load)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["before-append", "before-mark"])
async def test_a_relay_killed_between_pages_of_a_backlog_loses_and_doubles_nothing(rig: FaultRig, fault: str):
    """One page is appended, the next one is on its way, and neither may be marked yet."""
    async with Load(rig.producer, subjects=1_000, batch=1_000, pause=0) as load:
        await load.more(8_000, within=60)
    await rig.launch("billing", batch=True)

    for nth in (3, 2, 1):
        await killed(await rig.launch("identity", fault=fault, nth=nth))
    await rig.launch("identity")

    await rig.settled(load, within=120)


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize(
    ("fault", "batch"),
    [("in-batch", False), ("in-batch", True), ("after-commit", False), ("before-acknowledge", True)],
)
async def test_a_consumer_killed_again_and_again_loses_and_doubles_nothing(
    rig: FaultRig, fault: str, batch: bool, kills: int
):
    """After some effects of a batch, after its commit, and before XACK; facts are committed all the time.

    The reaction takes one event or the whole batch.
    """
    await rig.launch("identity")
    async with Load(rig.producer) as load:
        for _ in range(kills):
            nth = random.randint(1, MOST_CALLS[fault])
            await killed(await rig.launch("billing", fault=fault, nth=nth, batch=batch))
        await rig.launch("billing", batch=batch)
        await load.more(50)

    await rig.settled(load)


@pytest.mark.parametrize("kills", KILLS)
async def test_both_killed_anywhere_again_and_again(rig: FaultRig, kills: int):
    """At any moment, each of them; whoever is left goes on meanwhile."""
    async with Load(rig.producer) as load:
        running = {name: await rig.launch(name) for name in ("identity", "billing")}
        for _ in range(kills):
            name = random.choice(["identity", "billing"])
            await load.more(random.randint(1, 60))
            running[name].process.kill()
            running[name] = await rig.launch(name)

    await rig.settled(load)


async def test_one_of_two_consumers_killed_leaves_its_entries_to_the_other(rig: FaultRig):
    """Nobody starts it again: after a while the other claims them, and adopted no subject meanwhile.

    The wait for a lost past is shorter here than the wait for the dead, as it is by default (10 s and 15 s).
    """
    await rig.launch("identity")
    await rig.launch("billing", replica="survivor", claim_after=1.5)
    async with Load(rig.producer) as load:
        doomed = await rig.launch("billing", replica="doomed", claim_after=1.5, fault="in-batch", nth=10)
        await killed(doomed)
        await load.more(20)

    await rig.settled(load)


@pytest.mark.parametrize("subjects", [250, pytest.param(10_000, marks=pytest.mark.long)])
async def test_two_consumers_keep_the_order_of_each_subject(rig: FaultRig, subjects: int):
    """Two processes, the events of one subject dealt to both, and one of them slower than the other.

    What each of them begins with is dealt here: left to Redis, one that is quicker to ask may get all of it.
    """
    await rig.launch("identity")
    histories = [history(4) for _ in range(subjects)]
    first, second, *rest = ([each[turn] for each in histories] for turn in range(4))
    for turn in (first, second):
        await record(rig.producer, turn)
    await eventually(lambda: _appended(rig, 2 * subjects), within=60)
    await rig.link.call("XGROUP", "CREATE", STREAM, "billing", "0")
    for replica in ("quick", "slow", "slow", "quick"):  # of each subject one has the first event, the other the second
        await rig.link.call("XREADGROUP", "GROUP", "billing", replica, "COUNT", subjects // 2, "STREAMS", STREAM, ">")
    plan = {"batch": subjects > 1_000}
    await rig.launch("billing", replica="quick", **plan)
    await rig.launch("billing", replica="slow", slow=0.002, **plan)
    for turn in rest:
        await record(rig.producer, turn)
    await rig.settled({each[0].subject: [1, 2, 3, 4] for each in histories}, within=300)

    assert await _subjects_seen_by_both(rig) > subjects // 10


async def _appended(rig: FaultRig, entries: int) -> None:
    assert await rig.link.call("XLEN", STREAM) == entries


async def test_a_stale_relay_that_wakes_up_is_fenced(rig: FaultRig):
    """It stood still between reading the outbox and XADD; meanwhile its lock went to another."""
    await _wakes_up_stale(rig, "before-append")


async def test_a_stale_relay_that_wakes_up_marks_nothing(rig: FaultRig):
    """It stood still between XADD and the mark; meanwhile its lock went to another."""
    await _wakes_up_stale(rig, "before-mark")


async def test_of_two_relays_the_second_goes_on_when_the_first_is_killed(rig: FaultRig):
    """Killed under load, wherever it is, and the next one too."""
    await rig.launch("billing")
    relays = [await rig.launch("identity", replica=name) for name in ("one", "two", "three")]
    async with Load(rig.producer) as load:
        for relay in relays[:2]:
            await load.more(60)
            relay.process.kill()
            rig.recovers_from_now()
            await rig.progresses()

    await rig.settled(load)


async def test_sigterm_under_load_ends_well_and_the_rest_is_done_later(rig: FaultRig):
    """Exit 0 within the deadline, nothing lost or doubled."""
    processes = [await rig.launch("identity"), await rig.launch("billing", slow=0.005)]
    async with Load(rig.producer) as load:
        await rig.progresses()
        for process in processes:
            process.process.terminate()
        exits = [await process.ended(within=12) for process in processes]
        await rig.launch("identity")
        await rig.launch("billing")
        await load.more(50)

    assert exits == [0, 0]
    await rig.settled(load)


@pytest.mark.parametrize("times", [4, pytest.param(30, marks=pytest.mark.long)])
async def test_redis_emptied_again_and_again_under_load(rig: FaultRig, times: int):
    """Much of it unread, and appended to in the very next millisecond: the relay never rests.

    Every other time the consumer dies with it, and with that what it had read and not yet done.
    """
    billing = await rig.launch("billing", slow=0.003)
    async with rig.relay_here():
        async with Load(rig.producer, pause=0.005) as load:
            for time in range(times):
                await rig.progresses()
                await load.more(random.randint(20, 80))
                if time % 2:
                    billing.process.kill()
                await rig.link.call("FLUSHDB")
                rig.recovers_from_now()
                if time % 2:
                    billing = await rig.launch("billing", slow=0.003)

        await rig.settled(load)


async def test_redis_emptied_under_load_with_a_relay_killed_beside_it(rig: FaultRig):
    """Everything at once: the stream is gone, its relay dies, more is recorded in the same millisecond."""
    await rig.launch("billing", slow=0.01)
    relay = await rig.launch("identity")
    async with Load(rig.producer) as load:
        await rig.progresses()
        await load.more(50)
        await rig.link.call("FLUSHDB")
        relay.process.kill()
        await load.more(20)
        await rig.launch("identity")

    await rig.settled(load)


@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("fault", ["in-batch", "before-memory-mark"])
async def test_one_process_on_the_memory_bus_killed_again_and_again(rig: FaultRig, fault: str, kills: int):
    """What was not marked is published again at the next start, and the ledger knows what had taken effect."""
    async with Load(rig.producer) as load:
        for _ in range(kills):
            nth = random.randint(2, 40)
            await killed(await rig.launch("identity", "billing", adapter="memory", fault=fault, nth=nth))
        await rig.launch("identity", "billing", adapter="memory")
        await load.more(50)

    await rig.settled(load)


async def test_the_check_of_these_tests_notices_loss_doubling_and_disorder(rig: FaultRig):
    """Or none of them would show anything."""
    subject = new_id()
    rows = [(1, 2), (1, 2, 2, 3), (1, 3, 2), (2, 3)]

    for sequences in rows:
        await _pretend(rig, subject, sequences)
        with pytest.raises(AssertionError):
            await rig.settled({subject: [1, 2, 3]}, within=0)
    await _pretend(rig, subject, (1, 2, 3))
    await rig.settled({subject: [1, 2, 3]}, within=0)


async def _wakes_up_stale(rig: FaultRig, fault: str) -> None:
    await rig.launch("billing")
    async with Load(rig.producer) as load:
        stale = await rig.launch("identity", replica="stale", fault=fault, nth=2, deadly=signal.SIGSTOP)
        await stale.stopped()
        await rig.launch("identity", replica="next")
        await _take_its_lock_away(rig)
        rig.recovers_from_now()
        await rig.progresses()
        stale.signal(signal.SIGCONT)
        await load.more(50)
        await eventually(lambda: _shows("loop.interrupted", stale.log))

    await rig.settled(load)
    assert stale.lives


def _shows(word: str, log: Path) -> None:
    assert word in log.read_text()


async def _take_its_lock_away(rig: FaultRig) -> None:
    ended = await rig.look(
        rig.producer,
        """
        SELECT pg_terminate_backend(pid) AS ended FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database
                                                               WHERE datname = current_database())
        """,
    )
    assert [row["ended"] for row in ended] == [True]


async def _subjects_seen_by_both(rig: FaultRig) -> int:
    by_replica = "SELECT subject FROM fault_effect GROUP BY subject HAVING count(DISTINCT replica) = 2"
    return len(await rig.look(rig.consumer, by_replica))


async def _pretend(rig: FaultRig, subject: object, sequences: Sequence[int]) -> None:
    async with rig.consumer.reading_connection() as connection:
        await connection.execute("DELETE FROM fault_effect")
        for sequence in sequences:
            await connection.execute(
                "INSERT INTO fault_effect (event_id, subject, sequence, replica) VALUES (%s, %s, %s, 'one')",
                [new_id(), subject, sequence],
            )
