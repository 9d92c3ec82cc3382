"""Replays whose workers are killed: real processes, real kill -9."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest_asyncio
from promenade_chassis.events.operator.dead import Filter, list_dead, replay_dead
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.ports import PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping, history
from promenade_chassis.testing.fault_rig import FaultRig, fault_rig
from promenade_chassis.testing.operator_rig import OperatedConsumer
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually


@pytest_asyncio.fixture
async def rig(
    new_database: NewDatabase, migration_folders: Sequence[Path], redis_url: str, tmp_path: Path
) -> AsyncGenerator[FaultRig, None]:
    """Workers in processes of their own, to be killed."""
    urls = [new_database(migration_folders) for _ in range(2)]
    async with fault_rig(urls[0], urls[1], redis_url, tmp_path) as made:
        yield made


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


async def test_a_replay_whose_workers_are_killed_again_and_again_takes_effect_once(rig: FaultRig):
    """Killed between effect and commit, and just after it, two at a time; in order in the end."""
    books = PostgresBookkeeping(rig.consumer, PostgresLedger(rig.consumer, CONTEXT, QUICK))
    await books.prepare()
    consumer = OperatedConsumer(books)
    expected = await give_up_and_replay(consumer, subjects=12, length=5)

    for _ in range(3):
        doomed = await rig.launch(CONTEXT, replica="doomed", fault="in-batch", nth=random.randint(1, 8))
        other = await rig.launch(CONTEXT, replica="other", fault="after-commit", nth=random.randint(1, 6))
        assert await asyncio.gather(doomed.ended(), other.ended()) == [-9, -9]
    left = await consumer.rows("SELECT FROM redelivery")
    await rig.launch(CONTEXT)
    await eventually(lambda: _all_done(consumer), within=30)

    assert left, "nothing was left to the survivor: the killing proved nothing"
    effects = await consumer.rows("SELECT subject, sequence FROM fault_effect ORDER BY position")
    subjects = dict.fromkeys(row["subject"] for row in effects)
    assert [[row["sequence"] for row in effects if row["subject"] == each] for each in subjects] == expected


async def _all_done(consumer: OperatedConsumer) -> None:
    assert await consumer.rows("SELECT FROM redelivery") == []
