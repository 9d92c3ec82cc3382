"""What the gateway tells of a request: a span for it and one for each attempt, counts, and a line without secrets."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import httpx
import pytest
import structlog
from aiohttp import web
from gateway_rig import FakeAdmission, Mint, echo, seen, upstream
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from promenade_chassis.telemetry.otlp import OtlpTracer, tracer_provider
from promenade_chassis.telemetry.spans import forget_tracers, use_tracer
from promenade_chassis.testing.polling import eventually
from promenade_kernel.values.ids import new_id
from prometheus_client import REGISTRY

ORDERS = "/api/v1/order-management/orders"
TEMPLATE = f"{ORDERS}/{{order_id}}/place"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = PARENT[3:35], PARENT[36:52]
NOBODY = "http://127.0.0.1:1"


async def named(request: web.Request) -> web.Response:
    """A service of ours: it names its route."""
    answer = await echo(request)
    answer.headers["Promenade-Route"] = TEMPLATE
    return answer


@pytest.fixture
def recorded() -> Generator[InMemorySpanExporter, None, None]:
    """The gateway is traced."""
    exporter = InMemorySpanExporter()
    provider = tracer_provider(Resource.create({}), SimpleSpanProcessor(exporter), 1.0)
    use_tracer("gateway", OtlpTracer(provider.get_tracer("test")))
    yield exporter
    forget_tracers()


async def test_the_service_is_called_by_a_child_of_the_request(
    recorded: InMemorySpanExporter, gateway: Any, mint: Mint
) -> None:
    """Which is a child of the client's own span."""
    headers = {**mint.bearer(), "traceparent": PARENT, "tracestate": "rojo=1"}
    async with upstream(named) as url, gateway({"order-management": url}) as client:
        answer = await client.post(f"{ORDERS}/{new_id()}/place", headers=headers)
        attempt, request = await _spans(recorded, 2)

    assert (request.name, f"{request.parent.span_id:016x}") == (f"POST {TEMPLATE}", SPAN)
    assert (attempt.name, attempt.parent.span_id) == ("POST order-management", request.context.span_id)
    sent = seen(answer)
    assert sent["traceparent"] == f"00-{TRACE}-{attempt.context.span_id:016x}-01"
    assert sent["tracestate"] == "rojo=1"


async def test_an_attempt_that_failed_has_a_span_of_its_own(
    recorded: InMemorySpanExporter, gateway: Any, mint: Mint
) -> None:
    """One sees which replica was away, and that the request went on."""
    headers, reached = mint.bearer(), list[int]()
    async with upstream(named) as url, gateway({"order-management": [NOBODY, url]}) as client:
        for _ in range(2):  # in turns: one of them begins with the one that is away
            reached.append((await client.get(ORDERS, headers=headers)).status_code)
        spans = await _spans(recorded, 5)

    attempts = [span for span in spans if span.name == "GET order-management"]
    assert reached == [200, 200]
    assert sorted(span.attributes["server.address"] for span in attempts) == sorted([NOBODY, url, url])
    assert [span.status.is_ok for span in attempts if span.attributes["server.address"] == NOBODY] == [False]


async def test_a_service_that_is_away_is_a_failed_attempt_and_a_failed_request(
    recorded: InMemorySpanExporter, gateway: Any, mint: Mint
) -> None:
    """With the reason: nobody listens there."""
    async with gateway({"order-management": NOBODY}) as client:
        await client.get(f"{ORDERS}/{new_id()}", headers=mint.bearer())
        attempt, request = await _spans(recorded, 2)

    assert (attempt.status.is_ok, attempt.attributes["error.type"]) == (False, "Unreachable")
    assert (request.name, request.attributes["error.type"]) == ("GET /api/v1/order-management/*", "503")


async def test_without_telemetry_the_clients_trace_goes_through_unchanged(gateway: Any, mint: Mint) -> None:
    """And a state without a trace goes nowhere."""
    async with upstream(named) as url, gateway({"order-management": url}) as client:
        followed = await client.get(ORDERS, headers={**mint.bearer(), "traceparent": PARENT, "tracestate": "rojo=1"})
        alone = await client.get(ORDERS, headers={**mint.bearer(), "tracestate": "rojo=1"})

    assert (seen(followed)["traceparent"], seen(followed)["tracestate"]) == (PARENT, "rojo=1")
    assert "tracestate" not in seen(alone)


async def test_the_name_of_a_route_is_for_the_gateway_alone(gateway: Any, mint: Mint) -> None:
    """It counts and logs by it, and passes it on to nobody; a client's own says nothing."""
    before = _requests(TEMPLATE, "200")
    async with upstream(named) as url, gateway({"order-management": url}) as client:
        with structlog.testing.capture_logs() as lines:
            headers = {**mint.bearer(), "Promenade-Route": "invented"}
            answer = await client.post(f"{ORDERS}/{new_id()}/place", headers=headers)

    assert "promenade-route" not in answer.headers
    assert [line["route"] for line in lines if line["event"] == "request.handled"] == [TEMPLATE]
    assert _requests(TEMPLATE, "200") == before + 1
    assert _requests("invented", "200") == 0


async def test_no_line_has_a_secret(gateway: Any, mint: Mint, admission: FakeAdmission) -> None:
    """In the path, the query, a header, the body or the token, whatever becomes of the request."""
    secret = "s3cret-Hunter2"
    headers = {**mint.bearer(), "Cookie": secret, "X-Api-Key": secret, "Idempotency-Key": secret}
    token = headers["Authorization"].removeprefix("Bearer ")
    login = {"email": "ada@example.org", "password": secret}
    async with upstream(echo) as url, gateway({"order-management": url, "identity": url}) as client:
        with structlog.testing.capture_logs() as lines:
            statuses = [
                await _status(client, "POST", f"{ORDERS}/{secret}?q={secret}", headers=headers, content=secret),
                await _status(client, "GET", f"{ORDERS}/{secret}", headers={"Authorization": f"Bearer {secret}"}),
                await _status(client, "GET", f"/{secret}", headers=headers),
                await _status(client, "GET", f"/api/v1/billing/{secret}", headers=headers),
                await _status(client, "POST", "/api/v1/identity/auth/login", json=login),
            ]
            admission.away = True
            statuses.append(await _status(client, "GET", f"{ORDERS}/{secret}", headers=headers))

    assert statuses == [200, 401, 404, 503, 200, 503]
    told = json.dumps(lines, default=str)
    assert secret not in told
    assert token not in told
    assert "ada@" not in told


async def test_failures_retries_and_refusals_are_counted(gateway: Any, mint: Mint, admission: FakeAdmission) -> None:
    """By service, by what happened, and by the policy that refused."""
    retries = _value("promenade_gateway_upstream_retries_total", service="billing")
    failures = _value("promenade_gateway_upstream_failures_total", service="billing", failure="unreachable")
    limited = _value("promenade_gateway_rate_limited_total", policy="principal")
    async with upstream(echo) as url, gateway({"billing": [NOBODY, url], "order-management": NOBODY}) as client:
        for _ in range(2):
            await client.get("/api/v1/billing/invoices", headers=mint.bearer())
        await client.get(ORDERS, headers=mint.bearer())
        for _ in range(6):
            await client.get("/api/v1/order-management/reports", headers=mint.bearer())
        opened = _value("promenade_gateway_breaker_open", service="order-management", upstream=NOBODY)
        admission.allowed = False
        await client.get(ORDERS, headers=mint.bearer())

    assert _value("promenade_gateway_upstream_retries_total", service="billing") == retries + 1
    name = "promenade_gateway_upstream_failures_total"
    assert _value(name, service="billing", failure="unreachable") == failures + 1
    assert _value("promenade_gateway_rate_limited_total", policy="principal") == limited + 1
    assert opened == 1
    closed = {"service": "order-management", "upstream": NOBODY}
    assert REGISTRY.get_sample_value("promenade_gateway_breaker_open", closed) is None


async def _spans(recorded: InMemorySpanExporter, count: int) -> Any:
    """The spans, once all have ended: the answer is there a moment earlier."""

    def ended() -> Any:
        spans = recorded.get_finished_spans()
        assert len(spans) == count
        return spans

    return await eventually(ended)


async def _status(client: httpx.AsyncClient, method: str, path: str, **more: Any) -> int:
    return (await client.request(method, path, **more)).status_code


def _requests(route: str, status: str) -> float:
    return _value("promenade_http_requests_total", context="gateway", method="POST", route=route, status=status)


def _value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0
