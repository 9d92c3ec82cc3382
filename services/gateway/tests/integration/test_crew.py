"""Several processes on one port: they share the work and the limits, are replaced when they die, and end together."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from aiohttp import web
from gateway_rig import upstream
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port
from promenade_gateway.listener import reserved

COUNT = 2
PLANS = "/api/v1/billing/plans"
REGISTER = "/api/v1/identity/auth/register"
PROFILE = """
http: {{ host: 127.0.0.1, port: {port} }}
admin: {{ host: 127.0.0.1, port: {admin} }}
auth: {{ issuer: "https://promenade.example.com", jwks_url: "http://127.0.0.1:1/" }}
redis: {{ url: "{redis_url}" }}
gateway:
  processes: {count}
  rate_limit_factor: {factor}
  account_secret: secret
  upstreams: {{ billing: ["{service}"], identity: ["{service}"] }}
"""
_REQUESTS = re.compile(r'^promenade_http_requests_total\{.*route="/api/.*\} (\S+)$', re.MULTILINE)


class Crew:
    """The parent, its children, and where they answer."""

    def __init__(self, started: asyncio.subprocess.Process, port: int, admin: int, log: Path) -> None:
        self.started = started
        self.port = port
        self.admin = admin
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        self.parent = psutil.Process(started.pid)

    async def is_up(self) -> None:
        """All of them serve: each tells of itself."""
        async with httpx.AsyncClient() as client:
            for number in range(COUNT):
                answer = await client.get(f"http://127.0.0.1:{self.admin + number}/metrics")
                assert answer.status_code == 200
            assert (await client.get(f"{self.url}/health/live")).status_code == 200
        assert len(self.parent.children()) == COUNT

    async def answered(self) -> list[int]:
        """How many requests of the API each has answered."""
        async with httpx.AsyncClient() as client:
            pages = [await client.get(f"http://127.0.0.1:{self.admin + number}/metrics") for number in range(COUNT)]
        return [int(sum(float(count) for count in _REQUESTS.findall(page.text))) for page in pages]

    async def one_client_each(self) -> list[httpx.AsyncClient]:
        """Connections that are kept, one to each process: the kernel deals them out, so more are opened as needed."""
        found: dict[int, httpx.AsyncClient] = {}
        while len(found) < COUNT:
            client = httpx.AsyncClient(base_url=self.url)
            before = await self.answered()
            assert (await client.get(PLANS)).status_code == 200
            after = await self.answered()
            assert sum(after) == sum(before) + 1
            number = next(place for place in range(COUNT) if after[place] > before[place])
            if number in found:
                await client.aclose()
            else:
                found[number] = client
        return list(found.values())


@pytest.fixture
async def release() -> asyncio.Event:
    """Until then whoever asks for `?held` waits."""
    return asyncio.Event()


@pytest.fixture
async def service(release: asyncio.Event) -> AsyncGenerator[str, None]:
    """Takes a moment for every answer."""

    async def serve(request: web.Request) -> web.StreamResponse:
        await (release.wait() if request.query_string == "held" else asyncio.sleep(0.01))
        return web.json_response({})

    async with upstream(serve) as url:
        yield url


async def begun(folder: Path, port: int, factor: int = 1000, **values: Any) -> asyncio.subprocess.Process:
    (folder / "test.yaml").write_text(PROFILE.format(port=port, count=COUNT, factor=factor, **values))
    env = {**os.environ, "PROMENADE_PROFILE": "test", "PROMENADE_CONFIG_DIR": str(folder)}
    command = [sys.executable, "-m", "promenade_gateway", "serve"]
    with (folder / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(*command, env=env, stdout=log, stderr=log)


@pytest.fixture
async def crew(request: Any, tmp_path: Path, redis_url: str, service: str) -> AsyncGenerator[Crew, None]:
    """Its limits are those of tests, or times the factor asked for."""
    port, admin, factor = lent_port(), lent_port(COUNT), getattr(request, "param", 1000)
    started = await begun(tmp_path, port, factor, admin=admin, redis_url=redis_url, service=service)
    crew = Crew(started, port, admin, tmp_path / "log")
    children: list[psutil.Process] = []
    try:
        await eventually(crew.is_up, within=60)
        children = crew.parent.children()
        yield crew
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
        assert not psutil.wait_procs(children, timeout=stretched(30))[1]


@pytest.mark.parametrize("crew", [1], indirect=True, ids=["real limits"])
async def test_limits_are_of_all_processes(crew: Crew) -> None:
    """Ten registrations an hour for one account, whichever process is asked."""
    clients = await crew.one_client_each()

    answers = [await clients[turn % COUNT].post(REGISTER, json={"email": "a@b.example"}) for turn in range(14)]

    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 4
    for client in clients:
        await client.aclose()


async def test_one_that_is_killed_is_replaced(crew: Crew) -> None:
    """The others answer meanwhile, the parent tells of it, and the new one serves."""
    first, second = crew.parent.children()

    first.kill()
    await eventually(lambda: _is_gone(first), within=10)
    async with httpx.AsyncClient(base_url=crew.url, headers={"Connection": "close"}) as client:
        answers = [await client.get(PLANS) for _ in range(20)]
    await eventually(crew.is_up, within=30)

    assert {answer.status_code for answer in answers} == {200}
    assert second in crew.parent.children()
    assert first not in crew.parent.children()
    assert "process.died" in crew.log.read_text()


async def _is_gone(process: psutil.Process) -> None:
    """With its sockets: a zombie's other threads may still hold them; the parent hears of the last one's end."""
    assert not process.is_running()


async def test_sigterm_under_load_loses_no_request(crew: Crew) -> None:
    """Every client that was let in gets its whole answer; then all processes end, with 0."""
    children = crew.parent.children()
    answers: list[bytes] = []
    clients = [asyncio.ensure_future(_ask_on(crew.port, answers)) for _ in range(20)]
    await eventually(lambda: _are_at_least(answers, 100), within=30)

    crew.started.send_signal(signal.SIGTERM)
    async with asyncio.timeout(stretched(30)):
        assert await crew.started.wait() == 0
        await asyncio.gather(*clients)

    assert all(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"{}") for answer in answers)
    assert not any(child.is_running() for child in children)


async def _are_at_least(answers: list[bytes], count: int) -> None:
    assert len(answers) >= count


async def _ask_on(port: int, answers: list[bytes]) -> None:
    """One connection after the other, until none is accepted."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.write(f"GET {PLANS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answers.append(await reader.read())
        writer.close()


async def test_children_end_with_their_parent(crew: Crew) -> None:
    """Also when it could not tell them."""
    children = crew.parent.children()

    crew.started.kill()
    await crew.started.wait()

    assert not psutil.wait_procs(children, timeout=stretched(20))[1]


async def test_what_a_killed_parent_leaves_does_not_keep_the_port(crew: Crew, release: asyncio.Event) -> None:
    """The next gateway starts while the children of the last one still answer what they were asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", crew.port)
    writer.write(f"GET {PLANS}?held HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = asyncio.ensure_future(reader.read())
    await eventually(lambda: _has_asked(crew))

    crew.started.kill()
    (keeper,) = await eventually(lambda: reserved("127.0.0.1", crew.port), within=5)
    was_held = not answer.done()
    release.set()

    assert was_held
    assert (await answer).startswith(b"HTTP/1.1 200 ")
    keeper.close()
    writer.close()


async def _has_asked(crew: Crew) -> None:
    async with httpx.AsyncClient() as client:
        pages = [await client.get(f"http://127.0.0.1:{crew.admin + number}/metrics") for number in range(COUNT)]
    assert any('in_flight{service="billing"} 1.0' in page.text for page in pages)


async def test_a_port_that_is_busy_is_not_shared_with_a_stranger(
    crew: Crew, tmp_path: Path, redis_url: str, service: str
) -> None:
    """Another gateway would take half of the clients."""
    other = tmp_path / "other"
    other.mkdir()

    started = await begun(other, crew.port, admin=0, redis_url=redis_url, service=service)

    async with asyncio.timeout(stretched(30)):
        assert await started.wait() == 1
    assert "http.not-listening" in (other / "log").read_text()
