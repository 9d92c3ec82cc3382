from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from gateway_rig import FakeAdmission, Mint, client_of, settings_for, url_of
from promenade_gateway.gateway import serving_gateway


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def admission() -> FakeAdmission:
    return FakeAdmission()


@pytest.fixture
def gateway(mint: Mint, admission: FakeAdmission) -> Any:
    """`async with gateway(upstreams, **settings) as client`: a gateway on a real socket, and a client of it."""

    @asynccontextmanager
    async def start(upstreams: Any, **named: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
        # A loaded machine makes connecting slow, and no service away.
        settings = settings_for(upstreams, **{"connect_seconds": 30.0, **named})
        async with (
            serving_gateway(settings, verifier=mint.verifier(), admission=admission),
            client_of(url_of(settings)) as client,
        ):
            yield client

    return start
