"""What passes the door, on real sockets."""

import gzip
from typing import Any

import pytest
from aiohttp import web
from gateway_rig import Mint, echo, seen, upstream
from promenade_chassis.testing.polling import eventually

ORDERS = "/api/v1/order-management/orders"


async def test_a_request_arrives_as_it_was_sent(gateway: Any, mint: Mint) -> None:
    """Method, path, query and body reach the service byte by byte, percent-encoding included."""
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        target = "/api/v1/billing/plans/a%20b%7Ec;x=1?q=%41&q=b+c&empty="

        answer = await client.post(target, content=b'{"a":1}', headers=mint.bearer())

    assert answer.status_code == 200
    assert answer.json()["method"] == "POST"
    assert answer.json()["target"] == target
    assert answer.json()["body"] == '{"a":1}'


async def test_headers_arrive_without_claims_of_identity(gateway: Any, mint: Mint) -> None:
    """The token goes on; what a client says about itself in the gateway's name does not."""
    forged = {"X-User-Id": "admin", "X-Principal": "admin", "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"}
    bearer = mint.bearer()
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        answer = await client.get("/api/v1/billing/invoices", headers={**bearer, **forged})

    headers = seen(answer)
    assert headers["authorization"] == bearer["Authorization"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["forwarded"].startswith("for=127.0.0.1;host=")
    assert "x-user-id" not in headers
    assert "x-principal" not in headers
    assert "user-agent" in headers


async def test_ids_of_request_and_trace_go_through(gateway: Any, mint: Mint) -> None:
    """Given ones are taken over, missing ones made; the answer carries the request's."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    given = {"X-Request-Id": "mine", "traceparent": trace}
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        with_ids = await client.get("/api/v1/billing/plans", headers=given)
        without = await client.get("/api/v1/billing/plans")

    assert with_ids.headers["X-Request-Id"] == "mine"
    assert seen(with_ids)["x-request-id"] == "mine"
    assert seen(with_ids)["traceparent"] == trace
    assert without.headers["X-Request-Id"] == seen(without)["x-request-id"]
    assert seen(without)["traceparent"].startswith("00-")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST"])
async def test_every_method_goes_through(gateway: Any, mint: Mint, method: str) -> None:
    """Without a body, nothing invents one; its length is then 0 where a body could have been."""

    async def answer_with_length(request: web.Request) -> web.Response:
        assert request.method == method
        assert not await request.read()
        return web.Response(text="x" * 7, headers={"X-Seen": request.headers.get("Content-Length", "none")})

    async with upstream(answer_with_length) as url, gateway({"order-management": url}) as client:
        answer = await client.request(method, ORDERS, headers=mint.bearer())

    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == "7"
    assert answer.text == ("" if method == "HEAD" else "x" * 7)
    assert answer.headers["X-Seen"] == ("0" if method in ("PUT", "PATCH", "POST", "DELETE") else "none")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 404, 409, 422, 500])
async def test_every_status_comes_back(gateway: Any, mint: Mint, status: int) -> None:
    """With its headers; redirects are the client's to follow."""

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere", "ETag": '"3"'})

    async with upstream(refuse) as url, gateway({"order-management": url}) as client:
        answer = await client.get(ORDERS, headers=mint.bearer())

    assert answer.status_code == status
    assert answer.headers["Location"] == "/elsewhere"
    assert answer.headers["ETag"] == '"3"'


async def test_an_encoded_answer_stays_encoded(gateway: Any, mint: Mint) -> None:
    """The gateway neither unpacks nor packs."""
    packed = gzip.compress(b"hello")

    async def answer_packed(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with (
        upstream(answer_packed) as url,
        gateway({"order-management": url}) as client,
        client.stream("GET", ORDERS, headers=mint.bearer()) as answer,
    ):
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers["Content-Encoding"] == "gzip"
    assert raw == packed


async def test_one_clients_cookies_are_not_the_next_ones(gateway: Any) -> None:
    """The pool keeps connections, nothing else."""

    async def bake(request: web.Request) -> web.Response:
        answer = web.json_response(request.headers.get("Cookie"))
        answer.headers["Set-Cookie"] = "session=secret"
        return answer

    async with upstream(bake) as url, gateway({"billing": url}) as client:
        first = await client.get("/api/v1/billing/plans")
        client.cookies.clear()
        second = await client.get("/api/v1/billing/plans")

    assert first.headers["Set-Cookie"] == "session=secret"
    assert second.json() is None


async def test_replicas_take_turns(gateway: Any, mint: Mint) -> None:
    """Every replica of a service answers."""
    served: list[str] = []

    def named(name: str) -> Any:
        async def serve(_: web.Request) -> web.Response:
            served.append(name)
            return web.Response()

        return serve

    async with upstream(named("a")) as a, upstream(named("b")) as b, gateway({"order-management": [a, b]}) as client:
        for _ in range(6):
            await client.get(ORDERS, headers=mint.bearer())

    assert sorted(served) == ["a", "a", "a", "b", "b", "b"]


async def test_connections_are_used_again(gateway: Any, mint: Mint) -> None:
    """Requests one after another share one connection to the service."""
    ports: set[Any] = set()

    async def remember(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        return web.Response(text="x")

    async with upstream(remember) as url, gateway({"order-management": url}) as client:
        for _ in range(5):
            await client.post(ORDERS, content=b"{}", headers=mint.bearer())

        async def all_in_one() -> None:
            assert len(ports) == 1

        await eventually(all_in_one)
