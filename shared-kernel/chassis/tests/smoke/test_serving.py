"""What a service believes of whoever connects to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import httpx
import pytest
from litestar import get
from litestar.response import Stream
from promenade_chassis.config import AuthSettings, HttpSettings, Settings
from promenade_chassis.http.access import public
from promenade_chassis.http.health import Readiness
from promenade_chassis.http.resources import AnyRequest
from promenade_chassis.service import serving
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.ports import lent_port
from tiny_service import TINY, Bench, make, see, tiny_app

HEAD = b"GET /api/v1/tiny/public HTTP/1.1\r\nHost: here\r\n"


@get("/caller", access=public(), operation_id="caller")
async def caller(request: AnyRequest) -> list[str]:
    """Answers from where it was called, and by which scheme."""
    return [request.client.host if request.client else "", request.scope["scheme"]]


streaming = asyncio.Event()  # as long as somebody is streamed to


async def _without_end() -> AsyncGenerator[bytes, None]:
    streaming.set()
    try:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.001)
    finally:
        streaming.clear()


@get("/stream", access=public(), operation_id="stream")
async def stream() -> Stream:
    """Does not end by itself."""
    return Stream(_without_end())


@pytest.fixture
async def port(bench: Bench, verifier: FakeVerifier) -> AsyncGenerator[int, None]:
    """Where the tiny service listens."""
    readiness = Readiness("tiny", "1", {})
    http = HttpSettings(port=lent_port())
    settings = Settings(profile="test", auth=AuthSettings(issuer="", jwks_url=""), http=http)
    app = tiny_app(bench, verifier, routes=[caller, see, make, stream], readiness=readiness, http=http)
    async with serving(app, settings, readiness):
        yield http.port


async def test_forwarded_headers_change_nothing(port: int) -> None:
    """Not even from the same machine: a connection is from where it comes, whatever it says of itself."""
    claims = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.7"}

    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}{TINY}/caller", headers=claims)

    assert answer.json() == ["127.0.0.1", "http"]


@pytest.mark.parametrize(
    ("head", "more"),
    [
        pytest.param(HEAD + b"X-Long: ", b"x" * 65_536, id="one header"),
        pytest.param(HEAD, b"X-Y: z\r\n" * 8192, id="many headers"),
        pytest.param(b"GET /", b"x" * 65_536, id="the target"),
    ],
)
async def test_a_head_without_end_is_cut_off(port: int, head: bytes, more: bytes) -> None:
    """Nobody's request fills the memory: it has 64 KiB, and what one reading brings on top."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    sent = 0
    with suppress(ConnectionError):
        while sent < 16 * len(more) and not reader.at_eof():
            writer.write(more)
            await writer.drain()
            sent += len(more)
            await asyncio.sleep(0.001)

    with suppress(ConnectionError):
        assert b"400" in await asyncio.wait_for(reader.read(100), timeout=10)
    assert sent < 16 * len(more)
    writer.close()


async def test_a_head_request_leaves_the_connection_as_it_was(port: int) -> None:
    """What comes next is the next answer, not a body that the one before was not to have."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD.replace(b"GET", b"HEAD") + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    content = await asyncio.wait_for(reader.read(), timeout=10)
    writer.close()

    first, second, body = content.split(b"\r\n\r\n")
    length = b"content-length: %d" % len(body)
    assert first.startswith(b"HTTP/1.1 200")
    assert length in first
    assert second.startswith(b"HTTP/1.1 200")
    assert length in second


async def test_a_head_request_for_a_stream_ends_it(port: int) -> None:
    """Nothing is made for nobody."""
    async with httpx.AsyncClient() as client:
        answer = await client.head(f"http://127.0.0.1:{port}{TINY}/stream")

        await eventually(lambda: _is(streaming.is_set(), False))

    assert answer.status_code == 200


def _is(one: bool, other: bool) -> None:
    assert one is other


async def test_requests_of_one_connection_are_counted_one_by_one(port: int, user: dict[str, str]) -> None:
    """Many heads after each other, and long bodies between them, are no long head."""
    body = {"name": "x" * 200_000}

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}{TINY}", headers=user) as client:
        answers = [await client.post("/things", json=body, headers={"X-Long": "y" * 8000}) for _ in range(20)]

    assert {answer.status_code for answer in answers} == {201}
