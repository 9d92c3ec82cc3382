"""Engines that go away and come back: the workers recover without a hand, and nothing is lost or doubled."""

import asyncio
import time
from collections.abc import Callable

import pytest
from promenade_chassis.embedded.pair import Name
from promenade_chassis.testing.fault_engines import MortalEngines
from promenade_chassis.testing.fault_load import Load
from promenade_chassis.testing.fault_rig import FaultRig

TIMES = [1, pytest.param(15, marks=pytest.mark.long)]


def keep(engines: MortalEngines) -> None:
    """Redis comes back with what it had on disk: the last second may be missing."""


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("data", [keep, MortalEngines.lose_redis_data])
async def test_redis_killed_under_load_comes_back(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, data: Callable[[MortalEngines], None], times: int
):
    """Facts committed while it is away are published when it is there again."""
    await mortal_rig.launch("identity")
    await mortal_rig.launch("billing")
    async with Load(mortal_rig.producer) as load:
        for _ in range(times):
            await mortal_rig.progresses()
            mortal_engines.kill("valkey")
            data(mortal_engines)
            await load.more(20)
            await mortal_engines.begin("valkey")
            mortal_rig.recovers_from_now()
            await mortal_rig.progresses()

    await mortal_rig.settled(load)
    assert await mortal_rig.dead_letters() == []


@pytest.mark.long
@pytest.mark.parametrize("data", [keep, MortalEngines.lose_redis_data])
async def test_redis_away_for_30_seconds_under_load(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, data: Callable[[MortalEngines], None]
):
    """As long as an operator needs to start it again by hand."""
    await mortal_rig.launch("identity")
    await mortal_rig.launch("billing")
    async with Load(mortal_rig.producer) as load:
        await mortal_rig.progresses()
        mortal_engines.kill("valkey")
        data(mortal_engines)
        await asyncio.sleep(30)
        await mortal_engines.begin("valkey")
        mortal_rig.recovers_from_now()
        await mortal_rig.progresses()

    await mortal_rig.settled(load, within=120)
    assert await mortal_rig.dead_letters() == []


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("kill", [True, False])
async def test_postgres_restarted_under_load_comes_back(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, kill: bool, times: int
):
    """Both services lose every connection; no attempt is counted, no event given up."""
    await mortal_rig.launch("identity")
    await mortal_rig.launch("billing", attempts=1)
    async with Load(mortal_rig.producer) as load:
        for _ in range(times):
            await mortal_rig.progresses()
            await mortal_engines.restart("postgres", kill=kill)
            mortal_rig.recovers_from_now()
            await mortal_rig.progresses()

    await mortal_rig.settled(load)
    assert await mortal_rig.dead_letters() == []


async def test_workers_start_while_redis_is_away(mortal_rig: FaultRig, mortal_engines: MortalEngines):
    """They wait, and work when Redis has come."""
    mortal_engines.kill("valkey")
    await mortal_rig.launch("identity")
    await mortal_rig.launch("billing")
    async with Load(mortal_rig.producer) as load:
        await load.more(50)
        await mortal_engines.begin("valkey")
        mortal_rig.recovers_from_now()
        await mortal_rig.progresses()

    await mortal_rig.settled(load)


@pytest.mark.parametrize(
    "away",
    [
        ["valkey", "postgres"],
        pytest.param(["valkey"], marks=pytest.mark.long),
        pytest.param(["postgres"], marks=pytest.mark.long),
    ],
)
async def test_sigterm_under_load_while_an_engine_is_away(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, away: list[Name]
):
    """Exit 0 within the deadline, which is one second here; what was left is done by the next ones."""
    processes = [
        await mortal_rig.launch("identity", stop_within=1),
        await mortal_rig.launch("billing", stop_within=1, slow=0.002),
    ]
    async with Load(mortal_rig.producer) as load:
        await mortal_rig.progresses()
        for name in away:
            mortal_engines.kill(name)
        began = time.monotonic()
        for process in processes:
            process.process.terminate()
        exits = [await process.ended(within=10) for process in processes]
        print(f"ended {time.monotonic() - began:.2f} s after SIGTERM")
        for name in away:
            await mortal_engines.begin(name)
        await mortal_rig.launch("identity")
        await mortal_rig.launch("billing")
        await load.more(20)

    assert exits == [0, 0]
    await mortal_rig.settled(load)
