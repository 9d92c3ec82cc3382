"""Replays whose workers are killed: real processes, real kill -9."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

import msgspec
from promenade_chassis.events.operator.dead import Filter, list_dead, replay_dead
from promenade_chassis.ports import PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, PostgresBookkeeping, history
from promenade_chassis.testing.operator_rig import OperatedConsumer
from promenade_chassis.testing.polling import eventually, stretched

SCRIPT = Path(__file__).with_name("worker_process.py")


async def launch(books: PostgresBookkeeping, redis_url: str, **plan: object) -> Process:
    """Billing's worker in a process of its own."""
    whole = {"databases": {CONTEXT: books.database.url}, "redis_url": redis_url, **plan}
    return await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), msgspec.json.encode(whole).decode(), stdout=DEVNULL, stderr=DEVNULL
    )


async def give_up_and_replay(consumer: OperatedConsumer, subjects: int, length: int) -> list[list[int]]:
    """Dead letters of so many subjects, all to be replayed; answers what has to become of each subject."""
    histories = [history(length) for _ in range(subjects)]
    consumer.trouble = lambda envelope: PermanentError("broken")
    for fact in (fact for each in histories for fact in each):
        await consumer.deliver(fact)
    async with consumer.connection() as connection:
        letters = await list_dead(connection, CONTEXT, Filter())
        assert all([await replay_dead(connection, letter.id) for letter in letters])
    return [[fact.sequence for fact in each] for each in histories]


async def test_a_replay_whose_workers_are_killed_again_and_again_takes_effect_once(
    books: PostgresBookkeeping, redis_url: str
):
    """Killed between effect and commit, and at any moment from outside, two at a time; in order in the end."""
    consumer = OperatedConsumer(books)
    expected = await give_up_and_replay(consumer, subjects=12, length=5)

    for _ in range(3):
        doomed = await launch(books, redis_url, fault="before-commit", nth=random.randint(1, 8), replica="doomed")
        other = await launch(books, redis_url, fault="before-commit", nth=6, replica="other")
        async with asyncio.timeout(stretched(30)):
            await doomed.wait()
        await asyncio.sleep(random.random() / 10)
        if other.returncode is None:
            other.kill()
        await other.wait()
    left = await consumer.rows("SELECT FROM redelivery")
    survivor = await launch(books, redis_url)
    try:
        await eventually(lambda: _all_done(consumer), within=30)
    finally:
        survivor.kill()
        await survivor.wait()

    assert left, "nothing was left to the survivor: the killing proved nothing"
    effects = await books.effects()
    subjects = dict.fromkeys(subject for subject, _ in effects)
    assert [[sequence for about, sequence in effects if about == subject] for subject in subjects] == expected


async def _all_done(consumer: OperatedConsumer) -> None:
    assert await consumer.rows("SELECT FROM redelivery") == []
