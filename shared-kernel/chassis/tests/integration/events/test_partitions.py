"""A network that drops everything for a while: connections hang and nothing is reset, until it heals."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from promenade_chassis.testing.fault_engines import MortalEngines
from promenade_chassis.testing.fault_load import Load
from promenade_chassis.testing.fault_rig import FaultRig
from promenade_chassis.testing.tcp_proxy import TcpProxy, proxied

WORKERS = ("identity", "billing")
CUTS = [
    (1, WORKERS, False),
    *(
        pytest.param(30, (worker,), forgotten, marks=pytest.mark.long)
        for worker in WORKERS
        for forgotten in (False, True)
    ),
]


@pytest.mark.parametrize(("seconds", "cut_off", "forgotten"), CUTS)
async def test_redis_cut_off_under_load(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, cut_off: Sequence[str], seconds: int, forgotten: bool
):
    """The relay, the consumer or both hear nothing from Redis, which may give their connections up meanwhile."""
    async with proxied(mortal_engines.pair.valkey.port) as proxy:
        await _launch_both(mortal_rig, cut_off, {"redis": proxy.url(mortal_rig.redis_url)})
        async with Load(mortal_rig.producer) as load:
            await _cut(proxy, mortal_rig, seconds, forgotten=forgotten)

        await mortal_rig.settled(load, within=120)
        assert await mortal_rig.dead_letters() == []


@pytest.mark.parametrize(("seconds", "cut_off", "forgotten"), CUTS)
async def test_postgres_cut_off_under_load(
    mortal_rig: FaultRig, mortal_engines: MortalEngines, cut_off: Sequence[str], seconds: int, forgotten: bool
):
    """The relay, the consumer or both hear nothing from their databases."""
    async with proxied(mortal_engines.pair.postgres.port) as proxy:
        ways = {"identity": proxy.url(mortal_rig.producer.url), "billing": proxy.url(mortal_rig.consumer.url)}
        await _launch_both(mortal_rig, cut_off, ways)
        async with Load(mortal_rig.producer) as load:
            await _cut(proxy, mortal_rig, seconds, forgotten=forgotten)

        await mortal_rig.settled(load, within=120)
        assert await mortal_rig.dead_letters() == []


async def test_the_other_replica_works_while_one_is_cut_off(mortal_rig: FaultRig, mortal_engines: MortalEngines):
    """A relay without its database loses the lock to the other; both are there again when the network is."""
    async with proxied(mortal_engines.pair.postgres.port) as proxy:
        await mortal_rig.launch("billing")
        away = await mortal_rig.launch("identity", ways={"identity": proxy.url(mortal_rig.producer.url)})
        await mortal_rig.launch("identity", replica="two")
        async with Load(mortal_rig.producer) as load:
            await mortal_rig.progresses()
            proxy.cut()
            proxy.forget_clients()
            mortal_rig.recovers_from_now()
            await mortal_rig.progresses()
            proxy.heal()
            await load.more(50)

        await mortal_rig.settled(load)
        assert away.lives


@pytest.mark.parametrize("end", ["reset", "half_close"])
async def test_connections_that_end_in_a_strange_way(mortal_rig: FaultRig, mortal_engines: MortalEngines, end: str):
    """Reset, or closed in one direction only; again and again, of both engines."""
    async with _two_proxies(mortal_rig, mortal_engines) as proxies:
        async with Load(mortal_rig.producer) as load:
            for _ in range(3):
                await mortal_rig.progresses()
                await load.more(20)
                for proxy in proxies:
                    getattr(proxy, end)()
                mortal_rig.recovers_from_now()
            await mortal_rig.progresses()

        await mortal_rig.settled(load)
        assert await mortal_rig.dead_letters() == []


@asynccontextmanager
async def _two_proxies(rig: FaultRig, engines: MortalEngines) -> AsyncGenerator[list[TcpProxy], None]:
    """Both workers reach both engines through proxies."""
    async with proxied(engines.pair.valkey.port) as redis, proxied(engines.pair.postgres.port) as postgres:
        ways = {
            "redis": redis.url(rig.redis_url),
            "identity": postgres.url(rig.producer.url),
            "billing": postgres.url(rig.consumer.url),
        }
        await rig.launch("identity", ways=ways)
        await rig.launch("billing", ways=ways, attempts=1)
        yield [redis, postgres]


async def _launch_both(rig: FaultRig, cut_off: Sequence[str], ways: dict[str, str]) -> None:
    for context in WORKERS:
        await rig.launch(context, ways=ways if context in cut_off else None, attempts=1)


async def _cut(proxy: TcpProxy, rig: FaultRig, seconds: int, *, forgotten: bool) -> None:
    await rig.progresses()
    proxy.cut()
    if forgotten:
        proxy.forget_clients()
    await asyncio.sleep(seconds)
    proxy.heal()
    rig.recovers_from_now()
    await rig.progresses()
