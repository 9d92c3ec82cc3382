"""Bodies in both directions: streamed, bounded, and given up when nobody wants them any more."""

import asyncio
import contextlib
import random
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from gateway_rig import Mint, echo, raw_upstream, speak, upstream
from promenade_chassis.testing.polling import stretched
from promenade_gateway.settings import MIB

ORDERS = "/api/v1/order-management/orders"


async def test_an_answer_streams(gateway: Any, mint: Mint) -> None:
    """The first piece is there before the last is written."""
    goes_on = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"first")
        await goes_on.wait()
        await answer.write(b"last")
        return answer

    async with (
        upstream(drip) as url,
        gateway({"order-management": url}) as client,
        client.stream("GET", ORDERS, headers=mint.bearer()) as answer,
    ):
        pieces = answer.aiter_raw()
        first = await anext(pieces)
        goes_on.set()
        rest = b"".join([piece async for piece in pieces])

    assert (first, rest) == (b"first", b"last")


async def test_an_answer_is_the_same_in_whatever_pieces_it_comes(gateway: Any) -> None:
    """Each framing, cut at random; one connection to the service or many."""
    cut = random.Random(4)  # the same pieces every time
    bodies = [cut.randbytes(cut.choice([0, 1, 10, 1000, 70_000, 300_000])) for _ in range(40)]
    answers = [framed(body, cut) for body in bodies]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                answer = answers[int(head.split()[1].rpartition(b"/")[2])]
                places = sorted(cut.randrange(len(answer)) for _ in range(cut.randrange(12)))
                for start, end in pairwise([0, *places, len(answer)]):
                    writer.write(answer[start:end])
                    await asyncio.sleep(0)
                if b"connection: close" in answer:
                    break
        writer.close()

    async with raw_upstream(talk) as url, gateway({"billing": url}) as client:
        found = [(await client.get(f"/api/v1/billing/plans/{place}")).content for place in range(len(answers))]

    assert found == bodies


def framed(body: bytes, cut: random.Random) -> bytes:
    """An answer with this body: with a length, in chunks, or up to the end of the connection."""
    start = b"HTTP/1.1 200 OK\r\n"
    kind = cut.randrange(3)
    if kind == 0:
        return start + b"content-length: %d\r\n\r\n" % len(body) + body
    if kind == 1:
        return start + b"connection: close\r\n\r\n" + body
    places = [0, *sorted(cut.randrange(len(body) + 1) for _ in range(5)), len(body)]
    chunks = [body[start:end] for start, end in pairwise(places) if start < end]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return start + b"transfer-encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"


async def test_a_request_streams(gateway: Any, mint: Mint) -> None:
    """The service reads the first piece before the client has written the last."""
    arrived = asyncio.Event()

    async def listen(request: web.Request) -> web.Response:
        first = await request.content.readany()
        arrived.set()
        return web.json_response([first.decode(), (await request.read()).decode()])

    async def drip() -> Any:
        yield b"first"
        async with asyncio.timeout(stretched(5)):
            await arrived.wait()
        yield b"last"

    async with upstream(listen) as url, gateway({"order-management": url}) as client:
        answer = await client.post(ORDERS, content=drip(), headers=mint.bearer())

    assert answer.json() == ["first", "last"]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_a_413(gateway: Any, mint: Mint, announced: bool) -> None:
    """With a length before anything is read, without one as soon as it has passed the limit."""
    reached: list[int] = []

    async def count(request: web.Request) -> web.Response:
        reached.append(len(await request.read()))
        return web.Response()

    async def unannounced() -> Any:
        for _ in range(5):
            yield b"x" * (MIB // 4)

    async with upstream(count) as url, gateway({"order-management": url}) as client:
        body = b"x" * (MIB + 1) if announced else unannounced()
        answer = await client.post(ORDERS, content=body, headers=mint.bearer())
        exactly = await client.post(ORDERS, content=b"x" * MIB, headers=mint.bearer())

    assert answer.status_code == 413
    assert answer.json()["code"] == "body-too-large"
    assert exactly.status_code == 200
    assert reached == [MIB]


async def test_an_import_may_be_larger(gateway: Any, mint: Mint) -> None:
    """Import routes have a limit of their own."""

    async def count(request: web.Request) -> web.Response:
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        return web.json_response(size)

    imports = "/api/v1/customer-management/customers/imports"
    async with upstream(count) as url, gateway({"customer-management": url}, import_body_bytes=3 * MIB) as client:
        large = await client.post(imports, content=b"x" * (3 * MIB), headers=mint.bearer())
        too_large = await client.post(imports, content=b"x" * (3 * MIB + 1), headers=mint.bearer())

    assert large.json() == 3 * MIB
    assert too_large.status_code == 413


async def test_a_client_that_leaves_takes_its_request_along(gateway: Any, mint: Mint) -> None:
    """The service learns that nobody waits any more."""
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_ever(_: web.Request) -> web.Response:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    async with upstream(wait_for_ever) as url, gateway({"order-management": url}) as client:
        asking = asyncio.create_task(client.get(ORDERS, headers=mint.bearer()))
        async with asyncio.timeout(stretched(10)):
            await began.wait()
            asking.cancel()
            await ended.wait()


async def test_a_client_that_stops_half_way_is_a_408(gateway: Any, mint: Mint) -> None:
    """Its own time has run out, not the service's."""
    head = f"POST {ORDERS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {mint.token()}\r\nContent-Length: 9\r\n\r\n"
    async with upstream(echo) as url, gateway({"order-management": url}, idle_seconds=0.2) as client:
        answer = await speak(client, head.encode() + b"first")

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request-timeout"' in answer
