"""Bytes that no well-meaning client sends."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
from gateway_rig import Mint, client_of, echo, speak, upstream
from promenade_chassis.testing.polling import stretched

PLANS = b"/api/v1/billing/plans"
HOST = b"Host: promenade.example.com\r\n"


def problem_in(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body)["code"]


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST " + PLANS + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n\r\n" + body


def get(line: bytes, headers: bytes = HOST) -> bytes:
    return b"GET " + line + b"\r\n" + headers + b"\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"Content-Length: 1\r\nContent-Length: 1", b"x"),
        post(b"Content-Length: 1\r\nContent-Length: 2", b"xx"),
        post(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
        post(b"Transfer-Encoding: xchunked", b"0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
        post(b"Transfer-Encoding : chunked", b"0\r\n\r\n"),
        post(b"Transfer-Encoding: chunked", b"zz\r\n\r\n"),
        post(b"Content-Length: -1"),
        post(b"Content-Length: 1e1"),
        get(PLANS + b" HTTP/1.1", HOST + b"X: a\x00b\r\n"),
        get(PLANS + b" HTTP/1.1", HOST + b"X: a\rb\r\n"),
        get(PLANS + b" HTTP/1.1", HOST + b"X y: 1\r\n"),
        get(PLANS + b" HTTP/1.1", HOST + b" folded: 1\r\n"),
        get(PLANS + b" HTTP/1.1", HOST + HOST),
        get(PLANS + b" HTTP/1.1", b""),
        b"GET " + PLANS + b" HTTP/1.1\n" + HOST + b"X: 1\n\n",
        get(b"http://127.0.0.1" + PLANS + b" HTTP/1.1"),
        get(b"http://evil.example.com/ HTTP/1.1"),
        b"CONNECT evil.example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
        get(PLANS + b"\xc3\xa9 HTTP/1.1"),
        get(b"/ HTTP/9.9"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_400(gateway: Any, request_bytes: bytes) -> None:
    """One answer, a problem, and the connection ends; the service hears nothing."""
    async with gateway({}) as client:
        answer = await speak(client, request_bytes + b"\r\n" * 2)

    assert problem_in(answer)[0] == 400
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "path",
    [
        b"//evil.example.com/api/v1/billing/plans",
        b"/api/v1/billing/../identity/me",
        b"/api/v1/billing/%2e%2e/identity/me",
        b"/api/v1/billing/..%2f..%2fidentity",
        b"/api/v1/billing//plans",
        b"/api/v1/billing/%00",
        b"/api/v1/billing/%",
    ],
)
async def test_a_path_with_two_readings_is_a_400(gateway: Any, path: bytes) -> None:
    """No path leads where it does not say."""
    async with gateway({}) as client:
        answer = await speak(client, b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")

    assert problem_in(answer) == (400, "bad-path")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 70_000,
        b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 101 + b"\r\n",
    ],
    ids=["path", "header", "endless header", "too many headers"],
)
async def test_a_head_that_is_too_large_is_a_431(gateway: Any, head: bytes) -> None:
    """Whether or not it ever ends."""
    async with gateway({}) as client:
        answer = await speak(client, head)

    assert problem_in(answer) == (431, "head-too-large")


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_a_head_that_does_not_come_closes_the_connection(gateway: Any, start: bytes) -> None:
    """Slow clients do not hold connections for long."""
    async with gateway({}, head_seconds=0.2) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(start)

        async with asyncio.timeout(stretched(5)):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()


async def test_the_second_of_two_requests_cannot_hide_in_the_first(gateway: Any, mint: Mint) -> None:
    """A body that looks like a request is a body."""
    smuggled = b"GET /api/v1/identity/me HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST " + PLANS + b" HTTP/1.1\r\n" + HOST + f"Authorization: Bearer {mint.token()}\r\n".encode()
    request = head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(smuggled) + smuggled
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        answer = await speak(client, request)

    assert answer.count(b"HTTP/1.1 200") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["body"] == smuggled.decode()


async def test_pipelined_requests_are_answered_in_order(gateway: Any) -> None:
    """Each on its own."""
    first = b"GET " + PLANS + b"/a HTTP/1.1\r\n" + HOST + b"\r\n"
    last = b"GET " + PLANS + b"/b HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        answer = await speak(client, first + last)

    assert answer.count(b"HTTP/1.1 200") == 2
    assert answer.index(b"/plans/a") < answer.index(b"/plans/b")


async def test_expect_continue_is_answered_here(gateway: Any, mint: Mint) -> None:
    """A body that is too large is refused before it is sent."""
    headers = f"Authorization: Bearer {mint.token()}\r\nExpect: 100-continue\r\nConnection: close\r\n".encode()
    start = b"POST " + PLANS + b" HTTP/1.1\r\n" + HOST + headers
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        welcome = await speak(client, start + b"Content-Length: 2\r\n\r\n{}")
        refused = await speak(client, start + b"Content-Length: 2000000\r\n\r\n")

    assert welcome.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
    assert problem_in(refused) == (413, "body-too-large")


async def test_an_old_client_is_served(gateway: Any) -> None:
    """HTTP/1.0 needs no Host and gets its connection closed."""
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        answer = await speak(client, b"GET " + PLANS + b" HTTP/1.0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_connection_serves_many_requests(gateway: Any) -> None:
    """Keep-alive is for clients too."""
    one = httpx.Limits(max_connections=1)
    async with (
        upstream(echo) as url,
        gateway({"billing": url}) as client,
        client_of(str(client.base_url), limits=one) as patient,
    ):
        answers = [await patient.get(PLANS.decode()) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
