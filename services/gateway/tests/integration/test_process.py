"""The gateway as operators start it: a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from gateway_rig import client_of, upstream
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port

MIB = 1024 * 1024
PROFILE = """
http: {{ host: 127.0.0.1, port: {port} }}
auth: {{ issuer: "https://promenade.example.com", jwks_url: "http://127.0.0.1:1/" }}
redis: {{ url: "{redis_url}" }}
gateway: {{ upstreams: {{ billing: ["{service}"] }} }}
"""


@pytest.fixture
async def service() -> AsyncGenerator[str, None]:
    """Streams so many MiB as the path ends in, or holds the end of the answer back for a moment."""

    async def serve(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        if request.path.endswith("/slow"):
            await asyncio.sleep(0.5)
            await answer.write(b"done")
            return answer
        for _ in range(int(request.path.rpartition("/")[2])):
            await answer.write(b"x" * MIB)
        return answer

    async with upstream(serve) as url:
        yield url


@pytest.fixture
async def process(tmp_path: Path, redis_url: str, service: str) -> AsyncGenerator[Any, None]:
    port = lent_port()
    (tmp_path / "test.yaml").write_text(PROFILE.format(port=port, redis_url=redis_url, service=service))
    command = [sys.executable, "-m", "promenade_gateway", "serve"]
    env = {**os.environ, "PROMENADE_PROFILE": "test", "PROMENADE_CONFIG_DIR": str(tmp_path)}
    started = await asyncio.create_subprocess_exec(*command, env=env, stderr=asyncio.subprocess.DEVNULL)
    started.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    async with client_of(started.url) as client:  # type: ignore[attr-defined]

        async def live() -> None:
            assert (await client.get("/health/live")).status_code == 200

        await eventually(live, within=120)
    yield started
    if started.returncode is None:
        started.kill()
        await started.wait()


async def test_a_long_answer_takes_no_memory(process: Any) -> None:
    """256 MiB pass through; a client that reads slowly slows the service down."""
    memory = psutil.Process(process.pid).memory_info
    async with client_of(process.url, timeout=60) as client:
        await client.get("/api/v1/billing/plans/1")
        before, most, read = memory().rss, 0, 0
        async with client.stream("GET", "/api/v1/billing/plans/256") as answer:
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                most = max(most, memory().rss)

    assert read == 256 * MIB
    assert most - before < 24 * MIB


async def test_sigterm_lets_what_is_in_flight_finish(process: Any) -> None:
    """Then the process ends with 0."""
    async with (
        client_of(process.url) as client,
        client.stream("GET", "/api/v1/billing/plans/slow") as answer,
    ):
        process.send_signal(signal.SIGTERM)
        body = await answer.aread()

    assert (answer.status_code, body) == (200, b"done")
    async with asyncio.timeout(stretched(10)):
        assert await process.wait() == 0
