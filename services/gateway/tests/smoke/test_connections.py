"""Clients' connections: turns, times, and how they end."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import structlog
from aiohttp import web
from gateway_rig import Mint, client_of, echo, settings_for, upstream, url_of
from promenade_chassis.testing.polling import eventually, stretched
from promenade_gateway.gateway import serving_gateway

PLANS = "/api/v1/billing/plans"
GET = f"GET {PLANS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
MIB = 1024 * 1024


@asynccontextmanager
async def connection(client: httpx.AsyncClient) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    try:
        async with asyncio.timeout(stretched(20)):
            yield reader, writer
    finally:
        writer.close()


async def answer_from(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether nothing more comes: closed or reset."""
    with contextlib.suppress(ConnectionResetError):
        return await reader.read() == b""
    return True


class Held:
    """A service that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if request.path.endswith("/slow"):
            await self.go_on.wait()
        return web.Response(text=request.path)


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {PLANS}{path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


async def test_a_slow_answer_is_not_overtaken(gateway: Any) -> None:
    """Requests that come together are answered in their order; the service sees one at a time."""
    service = Held()
    async with upstream(service) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        writer.write(get("/slow") + get("/b") + get("/c"))
        await eventually(lambda: _equal(service.asked, [f"{PLANS}/slow"]))
        service.go_on.set()

        answers = [await answer_from(reader) for _ in range(3)]

    assert [body.decode().rpartition("/")[2] for _, _, body in answers] == ["slow", "b", "c"]


async def test_what_is_no_request_waits_for_its_turn(gateway: Any) -> None:
    """The request before it gets its answer, then the client hears why that was the last."""
    service = Held()
    async with upstream(service) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        writer.write(get("/slow") + get("/b") + b"nonsense\r\n\r\n")
        await eventually(lambda: _equal(service.asked, [f"{PLANS}/slow"]))
        service.go_on.set()

        answers = [await answer_from(reader) for _ in range(3)]
        assert await ended(reader)

    assert [status for status, _, _ in answers] == [200, 200, 400]
    assert json.loads(answers[2][2])["code"] == "malformed-request"


async def test_pieces_of_any_size_are_put_together(gateway: Any, mint: Mint) -> None:
    """A request byte by byte is a request."""
    body = b'{"a": 1}'
    bearer = f"Authorization: Bearer {mint.token()}"
    head = f"POST {PLANS} HTTP/1.1\r\nHost: x\r\n{bearer}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with upstream(echo) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        for byte in head.encode() + body:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        status, _, content = await answer_from(reader)

    assert status == 200
    assert json.loads(content)["body"] == body.decode()


async def test_an_idle_connection_is_closed(gateway: Any) -> None:
    """After its time, not before."""
    async with (
        upstream(echo) as url,
        gateway({"billing": url}, keep_alive_seconds=0.3, head_seconds=5) as client,
        connection(client) as (reader, writer),
    ):
        began = asyncio.get_running_loop().time()
        writer.write(GET)
        await answer_from(reader)
        assert await ended(reader)
        took = asyncio.get_running_loop().time() - began

    assert took >= 0.29


async def test_a_request_refused_before_its_body_does_not_cost_the_connection(gateway: Any) -> None:
    """What comes of a small body is read and forgotten, and the next request is served."""
    post = b"POST /api/v1/order-management/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    async with upstream(echo) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        writer.write(post)
        refused = await answer_from(reader)
        writer.write(b"123456789" + GET)
        served = await answer_from(reader)

    assert (refused[0], served[0]) == (401, 200)
    assert "connection" not in refused[1]


async def test_a_large_body_that_nobody_wants_is_not_read_on(gateway: Any, monkeypatch: Any) -> None:
    """The connection ends instead."""
    monkeypatch.setattr("promenade_gateway.protocol.LINGER_SECONDS", 0.2)
    head = b"POST /api/v1/order-management/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with gateway({}) as client, connection(client) as (reader, writer):
        writer.write(head)
        status, _, _ = await answer_from(reader)
        with pytest.raises(ConnectionError):
            await pour_into(writer)

    assert status == 401


async def pour_into(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


async def test_ten_mebibytes_are_refused_unread(gateway: Any, mint: Mint) -> None:
    """The answer is there while the client has hardly begun, also for one that sends on regardless."""
    head = (
        f"POST {PLANS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mint.token()}\r\n"
        f"Content-Length: {10 * MIB}\r\n\r\n"
    )
    async with upstream(echo) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        writer.write(head.encode() + b"x" * 1000)
        status, headers, _ = await answer_from(reader)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"x" * 65536)
                await writer.drain()
        assert await ended(reader)

    assert status == 413
    assert headers["connection"] == "close"


async def test_a_body_not_asked_for_ends_the_connection(gateway: Any) -> None:
    """Who expects `100 Continue` and is refused may or may not send it: what follows could be either."""
    post = (
        b"POST /api/v1/order-management/orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    )
    async with gateway({}) as client, connection(client) as (reader, writer):
        writer.write(post)
        status, headers, _ = await answer_from(reader)
        assert await ended(reader)

    assert status == 401
    assert headers["connection"] == "close"


async def test_a_client_that_does_not_read_is_let_go(gateway: Any) -> None:
    """It would hold what it does not read, and the service's connection."""
    closed = asyncio.Event()

    async def pour(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * MIB)
        finally:
            closed.set()

    async with (
        upstream(pour) as url,
        gateway({"billing": url}, idle_seconds=0.3) as client,
        connection(client) as (_, writer),
    ):
        writer.write(GET)
        async with asyncio.timeout(stretched(10)):
            await closed.wait()


async def test_above_so_many_connections_newcomers_are_turned_away(gateway: Any) -> None:
    """Those inside are served; when one leaves, there is room again."""
    async with (
        upstream(echo) as url,
        gateway({"billing": url}, max_connections=1) as client,
        connection(client) as (reader, writer),
    ):
        writer.write(GET)
        first = await answer_from(reader)
        async with connection(client) as (other, _):
            refused = await answer_from(other)
            assert await ended(other)
        writer.write(GET)
        again = await answer_from(reader)
        writer.close()

        async def let_in() -> None:
            assert (await client.get(PLANS)).status_code == 200

        await eventually(let_in)

    assert (first[0], again[0]) == (200, 200)
    assert (refused[0], json.loads(refused[2])["code"]) == (503, "service-overloaded")
    assert refused[1]["retry-after"] == "5"


@pytest.mark.parametrize(("trusted", "status"), [((), 503), (("127.0.0.0/8",), 200)], ids=["a host", "a proxy"])
async def test_one_host_does_not_take_the_places_of_all(gateway: Any, trusted: tuple[str, ...], status: int) -> None:
    """Above so many connections it is turned away, while others are let in; a trusted proxy stands for many."""
    named = {"max_connections_per_address": 2, "trusted_proxies": trusted}
    async with upstream(echo) as url, gateway({"billing": url}, **named) as client:
        async with connection(client), connection(client) as (reader, writer), connection(client) as (third, last):
            writer.write(GET)
            assert (await answer_from(reader))[0] == 200
            last.write(GET)
            more = await answer_from(third)
            other = await asyncio.open_connection("127.0.0.1", client.base_url.port, local_addr=("127.0.0.2", 0))
            other[1].write(GET)
            elsewhere = await answer_from(other[0])
            other[1].close()

        async def let_in() -> None:
            assert (await client.get(PLANS)).status_code == 200

        await eventually(let_in)

    assert (more[0], elsewhere[0]) == (status, 200)


async def test_the_end_waits_for_answers_and_not_for_the_idle(mint: Mint, monkeypatch: Any) -> None:
    """What is under way is answered, as the last on its connection; nobody new is let in."""
    monkeypatch.setattr("promenade_gateway.listener.STILL_ASKING_SECONDS", 0.2)  # for who has not asked yet
    service = Held()
    async with upstream(service) as url:
        settings = settings_for({"billing": url})
        gateway = serving_gateway(settings, verifier=mint.verifier())
        await gateway.__aenter__()
        async with (
            client_of(url_of(settings)) as client,
            connection(client) as (reader, writer),
            connection(client) as (idle, _),
        ):
            writer.write(get("/slow"))
            await eventually(lambda: _equal(service.asked, [f"{PLANS}/slow"]))
            ending = asyncio.create_task(gateway.__aexit__(None, None, None))
            assert await ended(idle)
            with pytest.raises(httpx.ConnectError):
                await client.get(PLANS)
            service.go_on.set()

            status, headers, _ = await answer_from(reader)
            assert await ended(reader)
            await ending

    assert status == 200
    assert headers["connection"] == "close"


async def test_the_end_does_not_wait_for_ever(mint: Mint) -> None:
    """What takes longer than the deadline is broken off."""
    service = Held()
    async with upstream(service) as url:
        settings = settings_for({"billing": url}, http={"shutdown_seconds": 1})
        gateway = serving_gateway(settings, verifier=mint.verifier())
        await gateway.__aenter__()
        async with client_of(url_of(settings)) as client, connection(client) as (reader, writer):
            writer.write(get("/slow"))
            await eventually(lambda: _equal(service.asked, [f"{PLANS}/slow"]))
            async with asyncio.timeout(stretched(10)):
                await gateway.__aexit__(None, None, None)
            assert await ended(reader)


async def test_a_fault_of_the_gateways_own_is_a_500_and_the_connection_lives(gateway: Any, monkeypatch: Any) -> None:
    """With a line in the log."""

    def broken(*_: Any) -> None:
        raise RuntimeError("a fault")

    async with upstream(echo) as url, gateway({"billing": url}) as client, connection(client) as (reader, writer):
        with structlog.testing.capture_logs() as lines, monkeypatch.context() as patched:
            patched.setattr("promenade_gateway.door.policy_header", broken)
            writer.write(GET)
            faulty = await answer_from(reader)
        writer.write(GET)
        good = await answer_from(reader)

    assert (faulty[0], good[0]) == (500, 200)
    assert json.loads(faulty[2])["code"] == "internal-error"
    assert "request.failed" in [line["event"] for line in lines]


def _equal(one: Any, other: Any) -> None:
    assert one == other
