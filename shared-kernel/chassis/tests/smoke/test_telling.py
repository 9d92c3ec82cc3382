"""What a service tells of its requests: a span, a count, a line; and never what a client wrote into them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import AsyncGenerator, Generator
from io import StringIO
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from litestar import get
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from promenade_chassis.access_log import flush_requests, write_requests_to
from promenade_chassis.config import LogSettings
from promenade_chassis.http.access import public
from promenade_chassis.http.edge import ROUTE_HEADER
from promenade_chassis.logs import configure_logging
from promenade_chassis.telemetry.otlp import OtlpTracer, tracer_provider
from promenade_chassis.telemetry.spans import forget_tracers, use_tracer
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from prometheus_client import REGISTRY
from tiny_service import THING, TINY, Bench, make, see, tiny_app

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE, SPAN = PARENT[3:35], PARENT[36:52]
KICK = f"{TINY}/things/{{thing_id}}/kick"


@get("/talk", access=public(), operation_id="talk")
async def talk() -> None:
    """Logs a line of its own."""
    structlog.get_logger().info("tea.poured")


@pytest.fixture
def recorded() -> Generator[InMemorySpanExporter, None, None]:
    """The service is traced."""
    exporter = InMemorySpanExporter()
    provider = tracer_provider(Resource.create({}), SimpleSpanProcessor(exporter), 1.0)
    use_tracer("tiny", OtlpTracer(provider.get_tracer("test")))
    yield exporter
    forget_tracers()


@pytest.fixture
async def traced(recorded: InMemorySpanExporter, bench: Bench, verifier: FakeVerifier) -> AsyncGenerator[Any, None]:
    """A client of the traced service."""
    async with client_of(tiny_app(bench, verifier, routes=(see, make, talk))) as client:
        yield client


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Generator[Any, None, None]:
    """`lines()`: what has been logged, as a process logs it."""
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    before = logging.root.handlers[:], logging.root.level
    configure_logging(LogSettings(), service="tiny")
    structlog.configure(cache_logger_on_first_use=False)  # loggers outlive the test

    def read() -> list[Any]:
        flush_requests()
        return [json.loads(line) for line in written.getvalue().splitlines()]

    yield read
    logging.root.handlers[:] = before[0]
    logging.root.setLevel(before[1])
    structlog.reset_defaults()
    write_requests_to(None, service="")


async def test_a_request_is_a_span_and_the_cause_of_what_it_does(
    traced: httpx.AsyncClient, recorded: InMemorySpanExporter
) -> None:
    """A child of the caller's, named by the route's template."""
    answer = await traced.get(f"{TINY}/public?word=x", headers={"traceparent": PARENT, "tracestate": "rojo=1"})

    (span,) = recorded.get_finished_spans()
    assert (span.name, f"{span.parent.span_id:016x}") == (f"GET {TINY}/public", SPAN)
    assert answer.json()["cause"][1] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert span.context.trace_state.to_header() == "rojo=1"
    assert span.attributes["http.response.status_code"] == 200
    assert "word" not in span.to_json()


@pytest.mark.parametrize("path", ["/nowhere/s3cret", f"{TINY}/things/s3cret/kick", f"{TINY}/public?s3cret=s3cret"])
async def test_what_a_client_writes_into_a_path_is_in_no_span(
    traced: httpx.AsyncClient, recorded: InMemorySpanExporter, path: str
) -> None:
    """Nor are there as many names as a client can think of."""
    await traced.get(path)

    (span,) = recorded.get_finished_spans()
    assert span.name in ("GET none", f"GET {TINY}/public")
    assert "s3cret" not in span.to_json()


async def test_a_failure_of_ours_is_a_failed_span_and_a_refusal_is_not(
    traced: httpx.AsyncClient, recorded: InMemorySpanExporter, bench: Bench
) -> None:
    """404 is an answer."""
    bench.troubles.append(RuntimeError("hunter2"))

    await traced.get(f"{TINY}/public")
    await traced.get("/nowhere")

    failed, refused = recorded.get_finished_spans()
    assert (failed.status.is_ok, failed.attributes["error.type"]) == (False, "500")
    assert "error.type" not in refused.attributes
    assert "hunter2" not in failed.to_json()


async def test_probes_leave_no_span(traced: httpx.AsyncClient, recorded: InMemorySpanExporter) -> None:
    """They come every second."""
    await traced.get("/health/live")

    assert recorded.get_finished_spans() == ()


async def test_a_line_of_the_services_own_names_trace_and_span(
    traced: httpx.AsyncClient, recorded: InMemorySpanExporter, lines: Any
) -> None:
    """So that from a line one finds the trace, and from a span its lines."""
    await traced.get(f"{TINY}/talk", headers={"traceparent": PARENT})

    poured, handled = lines()
    (span,) = recorded.get_finished_spans()
    assert (poured["event"], poured["trace_id"]) == ("tea.poured", TRACE)
    assert poured["span_id"] == f"{span.context.span_id:016x}"
    assert (handled["event"], handled["trace_id"]) == ("request.handled", TRACE)


async def test_without_telemetry_lines_name_the_callers_trace(client: httpx.AsyncClient, lines: Any) -> None:
    """There is no span of ours then."""
    await client.get(f"{TINY}/public", headers={"traceparent": PARENT})

    (handled,) = lines()
    assert handled["trace_id"] == TRACE
    assert "span_id" not in handled


async def test_the_line_of_a_request_tells_what_an_operator_asks_for(
    client: httpx.AsyncClient, user: dict[str, str], user_id: UUID, lines: Any
) -> None:
    """In the form of all other lines."""
    headers = {**user, "X-Request-Id": "mine", "Idempotency-Key": "k"}
    await client.post(f"{TINY}/things/{THING}/kick", headers=headers)

    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("duration_ms") >= 0
    assert line == {
        "event": "request.handled",
        "level": "info",
        "service": "tiny",
        "method": "POST",
        "route": KICK,
        "status": 200,
        "principal": str(user_id),
        "request_id": "mine",
        "ids": {"thing_id": str(THING)},
    }


async def test_no_line_has_a_secret(client: httpx.AsyncClient, user: dict[str, str], bench: Bench, lines: Any) -> None:
    """Wherever the client puts it, and whether the request succeeds or not."""
    secret = "s3cret-Hunter2"
    headers = {**user, "Cookie": secret, "X-Api-Key": secret, "Idempotency-Key": secret}
    bench.troubles += [RuntimeError("a bug")]

    await client.get(f"{TINY}/public?word={secret}", headers={"Authorization": f"Bearer {secret}"})
    await client.get(f"{TINY}/public?word={secret}&{secret}=1", headers=headers)
    await client.get(f"{TINY}/public?word={secret}", headers=headers)
    await client.post(f"{TINY}/things", json={"name": secret, secret: secret}, headers=headers)
    await client.post(f"{TINY}/things/{secret}/kick", headers=headers)
    await client.get(f"/{secret}")

    written = lines()
    assert [line["status"] for line in written if line["event"] == "request.handled"] == [401, 400, 500, 422, 404, 404]
    assert secret not in json.dumps(written)


async def test_answers_are_counted_by_template_and_status(client: httpx.AsyncClient, user: dict[str, str]) -> None:
    """And all that was found nowhere under one name."""
    before = _requests("POST", KICK, "200"), _requests("GET", "none", "404")

    await client.post(f"{TINY}/things/{THING}/kick", headers=user)
    for place in range(3):
        await client.get(f"/nowhere/{place}")

    assert _requests("POST", KICK, "200") == before[0] + 1
    assert _requests("GET", "none", "404") == before[1] + 3
    labels = {"context": "tiny", "method": "POST", "route": KICK, "status": "2xx"}
    assert REGISTRY.get_sample_value("promenade_http_request_seconds_count", labels) == before[0] + 1
    assert REGISTRY.get_sample_value("promenade_http_in_flight", {"context": "tiny"}) == 0


async def test_an_answer_names_its_route_for_the_gateway(client: httpx.AsyncClient, user: dict[str, str]) -> None:
    """The gateway knows no routes; what it counts by is told here."""
    answer = await client.post(f"{TINY}/things/{THING}/kick", headers=user)

    assert answer.headers[ROUTE_HEADER.decode()] == KICK


def _requests(method: str, route: str, status: str) -> float:
    labels = {"context": "tiny", "method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value("promenade_http_requests_total", labels) or 0
