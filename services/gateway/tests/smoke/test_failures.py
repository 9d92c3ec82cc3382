"""Services that fail: each in its own way, and only on its own routes."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from aiohttp import web
from gateway_rig import Mint, echo, raw_upstream, upstream
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port

ORDERS = "/api/v1/order-management/orders"
NOBODY = "http://127.0.0.1:1"


async def test_a_service_that_is_down_is_a_503_on_its_own_routes(gateway: Any, mint: Mint) -> None:
    """With Retry-After, at once; all others work."""
    async with upstream(echo) as url, gateway({"billing": url, "order-management": NOBODY}) as client:
        began = time.monotonic()
        down = await client.get(ORDERS, headers=mint.bearer())
        took = time.monotonic() - began
        up = await client.get("/api/v1/billing/invoices", headers=mint.bearer())

    assert down.status_code == 503
    assert down.json()["code"] == "service-unavailable"
    assert down.headers["Retry-After"] == "1"
    assert "order-management" in down.json()["detail"]
    assert took < stretched(10)
    assert up.status_code == 200


async def test_a_service_that_comes_back_is_used_again(gateway: Any, mint: Mint) -> None:
    """Also after the circuit breaker has opened; nothing has to be restarted."""
    port = lent_port()
    address = f"http://127.0.0.1:{port}"
    async with gateway({"order-management": address}, breaker_failures=2, breaker_pause_seconds=0.1) as client:
        for _ in range(5):
            assert (await client.get(ORDERS, headers=mint.bearer())).status_code == 503

        async with upstream(echo, port):

            async def served() -> None:
                assert (await client.get(ORDERS, headers=mint.bearer())).status_code == 200

            await eventually(served)


async def test_one_replica_down_is_not_noticed(gateway: Any, mint: Mint) -> None:
    """A request that reached nobody goes to the next replica, whatever its method."""
    async with upstream(echo) as url, gateway({"order-management": [url, NOBODY]}) as client:
        answers = [await client.post(ORDERS, content=b"{}", headers=mint.bearer()) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(answer.json()["body"] == "{}" for answer in answers)


class Dropping:
    """A service that reads requests and hangs up, the first `times` times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        if len(self.requests) > self.times:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
            if not self.requests[-1].startswith(b"HEAD"):
                writer.write(b"ok")
            await writer.drain()
        writer.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_an_idempotent_request_is_sent_once_more(gateway: Any, mint: Mint, method: str) -> None:
    """When the connection breaks before the answer."""
    service = Dropping(times=1)
    async with raw_upstream(service) as url, gateway({"order-management": url}) as client:
        answer = await client.request(method, ORDERS, headers=mint.bearer())

    assert answer.status_code == 200
    assert len(service.requests) == 2


async def test_it_is_not_sent_a_third_time(gateway: Any, mint: Mint) -> None:
    """Twice is enough to know."""
    service = Dropping(times=9)
    async with raw_upstream(service) as url, gateway({"order-management": url}) as client:
        answer = await client.get(ORDERS, headers=mint.bearer())

    assert answer.status_code == 503
    assert len(service.requests) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_request_that_may_have_had_its_effect_is_not_sent_again(gateway: Any, mint: Mint, method: str) -> None:
    """Whether to repeat it is the client's to decide."""
    service = Dropping(times=1)
    async with raw_upstream(service) as url, gateway({"order-management": url}) as client:
        answer = await client.request(method, ORDERS, headers=mint.bearer())

    assert answer.status_code == 503
    assert len(service.requests) == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_an_answer_that_breaks_off_is_not_taken_for_whole(gateway: Any, mint: Mint, framing: bytes) -> None:
    """The client's connection breaks too."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n4\r\nhalf\r\n")
        await writer.drain()
        writer.close()

    async with raw_upstream(half) as url, gateway({"order-management": url}) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(ORDERS, headers=mint.bearer())
        assert (await client.get("/health/live")).status_code == 200


async def test_a_service_that_does_not_answer_is_a_504(gateway: Any, mint: Mint) -> None:
    """After the time for the first byte."""

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    named = {"connect_seconds": 10, "first_byte_seconds": 0.2}
    async with raw_upstream(silence) as url, gateway({"order-management": url}, **named) as client:
        got = await client.get(ORDERS, headers=mint.bearer())
        posted = await client.post(ORDERS, content=b"{}", headers=mint.bearer())

    for answer in (got, posted):
        assert answer.status_code == 504
        assert answer.json()["code"] == "service-timeout"
        assert "Retry-After" in answer.headers


async def test_a_service_that_stops_half_way_breaks_the_connection(gateway: Any, mint: Mint) -> None:
    """After the idle time."""

    async def stall(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")
        await asyncio.Event().wait()
        return answer

    async with upstream(stall) as url, gateway({"order-management": url}, idle_seconds=0.2) as client:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.get(ORDERS, headers=mint.bearer())


@pytest.mark.parametrize(
    "nonsense",
    [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000],
)
async def test_an_answer_that_is_none_is_a_503(gateway: Any, mint: Mint, nonsense: bytes) -> None:
    """The client gets a problem, not the service's confusion."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(nonsense)
        writer.close()

    async with raw_upstream(talk) as url, gateway({"order-management": url}) as client:
        answer = await client.get(ORDERS, headers=mint.bearer())

    assert answer.status_code == 503


async def test_more_than_a_service_can_hold_is_refused(gateway: Any, mint: Mint) -> None:
    """At once, while the others wait; and only for that service."""
    release, held = asyncio.Event(), asyncio.Semaphore(0)

    async def hold(_: web.Request) -> web.Response:
        held.release()
        await release.wait()
        return web.Response()

    async with (
        upstream(hold) as url,
        upstream(echo) as other,
        gateway({"order-management": url, "billing": other}, max_in_flight=2) as client,
    ):
        waiting = [asyncio.create_task(client.get(ORDERS, headers=mint.bearer())) for _ in range(2)]
        for _ in waiting:
            await held.acquire()
        refused = await client.get(ORDERS, headers=mint.bearer())
        elsewhere = await client.get("/api/v1/billing/plans")
        release.set()
        answers = await asyncio.gather(*waiting)

    assert refused.status_code == 503
    assert refused.json()["code"] == "service-overloaded"
    assert elsewhere.status_code == 200
    assert [answer.status_code for answer in answers] == [200, 200]
