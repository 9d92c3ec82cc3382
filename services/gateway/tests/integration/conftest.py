from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis.asyncio
from gateway_rig import Mint, client_of, settings_for, url_of
from promenade_gateway.gateway import serving_gateway


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
async def store(redis_url: str) -> AsyncGenerator[redis.asyncio.Redis, None]:
    """The Redis of this test, with a mark as Identity sets it."""
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        await client.set("{auth}:mark", 0)
        yield client


@pytest.fixture
def gateway(mint: Mint, redis_url: str) -> Any:
    """`async with gateway(upstreams, **settings) as client`: a gateway on the test's Redis, and a client of it."""

    @asynccontextmanager
    async def start(upstreams: Any, **named: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
        # A loaded machine makes neither Redis nor a service away.
        patience = {"redis_seconds": 10.0, "connect_seconds": 30.0}
        settings = settings_for(upstreams, **{"redis_url": redis_url, **patience, **named})
        async with (
            serving_gateway(settings, verifier=mint.verifier()),
            client_of(url_of(settings)) as client,
        ):
            yield client

    return start
