"""Redis goes and comes back while the gateway runs."""

from typing import Any

import pytest
import redis.asyncio
from gateway_rig import Mint, echo, upstream
from promenade_chassis.embedded.pair import EnginePair
from promenade_chassis.testing.polling import eventually

ME = "/api/v1/identity/me"


@pytest.fixture
def redis_url(private_valkey: EnginePair) -> str:
    """A Redis that this test may kill and empty."""
    return f"{private_valkey.valkey.url}/0"


async def forgotten(url: str) -> None:
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.flushdb()


async def marked(url: str) -> None:
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.set("{auth}:mark", 0)


async def test_the_signed_in_wait_until_redis_knows_again(
    gateway: Any, mint: Mint, store: redis.asyncio.Redis, redis_url: str, private_valkey: EnginePair
) -> None:
    """Killed: 503 for tokens, strangers go on. Back, empty: still 503, until Identity has set the mark."""
    async with upstream(echo) as url, gateway({"identity": url, "billing": url}) as client:

        async def get(path: str, *, signed_in: bool) -> int:
            return (await client.get(path, headers=mint.bearer() if signed_in else {})).status_code

        before = await get(ME, signed_in=True)
        private_valkey.kill("valkey")
        away = [await get(ME, signed_in=True), await get("/api/v1/billing/plans", signed_in=False)]
        private_valkey.begin("valkey")
        await forgotten(redis_url)
        empty = await get(ME, signed_in=True)
        await marked(redis_url)

        async def back() -> None:
            assert await get(ME, signed_in=True) == 200

        await eventually(back)

    assert before == 200
    assert away == [503, 200]
    assert empty == 503


async def test_a_restart_is_not_noticed(
    gateway: Any, mint: Mint, store: redis.asyncio.Redis, redis_url: str, private_valkey: EnginePair
) -> None:
    """Dead connections are replaced and the script is sent again, within the first request."""
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        assert (await client.get(ME, headers=mint.bearer())).status_code == 200
        private_valkey.restart("valkey")
        await marked(redis_url)

        answer = await client.get(ME, headers=mint.bearer())

    assert answer.status_code == 200


async def test_a_script_that_redis_forgot_is_sent_again(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """Within the request. On a server of its own: scripts belong to all of a server's databases."""
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        before = await client.get(ME, headers=mint.bearer())
        await store.script_flush()
        after = await client.get(ME, headers=mint.bearer())

    assert (before.status_code, after.status_code) == (200, 200)
