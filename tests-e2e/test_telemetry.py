"""Telemetry of the whole stack: one trace an order, sent to a real collector over OTLP."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import httpx
import pytest
from e2e_stack import Silence, Stack, running_stack
from promenade_chassis.testing.collector import Collector, Received, running_collector
from promenade_chassis.testing.polling import eventually, stretched
from promenade_local.story import tell

APPLICATIONS = {"gateway", "identity", "customer-management", "order-management", "billing"}
PLACE = "POST /api/v1/order-management/orders/{order_id}/place"


@contextmanager
def traced_stack(collector: Collector, *options: str) -> Generator[Stack, None, None]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PROMENADE_TELEMETRY__ENDPOINT", collector.url)
        environment.setenv("PROMENADE_TELEMETRY__METRICS_SECONDS", "1")
        with running_stack(*options) as stack:
            yield stack


@pytest.fixture(scope="module")
def traced_processes() -> Generator[tuple[Stack, Collector], None, None]:
    with running_collector() as collector, traced_stack(collector) as stack:
        yield stack, collector


@pytest.fixture(scope="module")
def traced_single() -> Generator[tuple[Stack, Collector], None, None]:
    with running_collector() as collector, traced_stack(collector, "--single") as stack:
        yield stack, collector


@pytest.fixture(params=["traced_processes", "traced_single"])
def traced(request: pytest.FixtureRequest) -> tuple[Stack, Collector]:
    return request.getfixturevalue(request.param)


async def test_an_order_is_one_trace_through_all_services(traced: tuple[Stack, Collector]) -> None:
    """Each span is the child of what led to it: request, attempt, transaction, fact, reaction; lines name the trace."""
    stack, collector = traced

    order = await tell(stack.scene(Silence()))

    def billed() -> list[Received]:
        """Each process sends its spans when it is ready to: the chain is whole when the last of them has."""
        placed = named(collector.spans(), "gateway", PLACE)
        named(collector.spans(placed.trace), "customer-management", "customer-management.on_invoice_finalized")
        invoiced = named(collector.spans(placed.trace), "order-management", "order-management.on_invoice_finalized")
        return ancestors(collector, invoiced)

    chain = await eventually(billed, within=15)
    assert order["status"] == "completed"
    assert [(span.service, span.kind, span.name) for span in chain] == [
        ("gateway", "server", PLACE),
        ("gateway", "client", "POST order-management"),
        ("order-management", "server", PLACE),
        ("order-management", "internal", "transaction"),
        ("order-management", "producer", "record order.placed.v1"),
        ("billing", "consumer", "billing.on_order_placed"),
        ("billing", "producer", "record invoice.finalized.v1"),
        ("order-management", "consumer", "order-management.on_invoice_finalized"),
    ]
    invoiced = chain[-1]
    trace = collector.spans(invoiced.trace)
    assert {span.service for span in trace} == APPLICATIONS - {"identity"}
    assert [span.name for span in trace if not span.parent] == [PLACE]
    assert {line["event"] for line in log_lines(stack) if line.get("trace_id") == invoiced.trace} >= {"request.handled"}


async def test_every_application_exports_its_metrics_under_its_name(traced: tuple[Stack, Collector]) -> None:
    """What the scrape of the admin port shows goes to the collector as well; one process is one source."""
    stack, collector = traced
    await tell(stack.scene(Silence()))
    names = APPLICATIONS if len({stack.pid(name) for name in APPLICATIONS}) > 1 else {"suite"}

    def exported() -> None:
        for name in names:
            requests = collector.metric(name, "promenade_http_requests_total")
            assert requests is not None, name
            routes = {
                each.value.string_value
                for point in requests.sum.data_points
                for each in point.attributes
                if each.key == "route"
            }
            assert not [route for route in routes if re.search(r"[0-9a-f]{8}-", route)]
            assert len(routes) > 1, name

    await eventually(exported, within=15)


async def test_when_the_collector_hangs_nothing_else_does(traced_processes: tuple[Stack, Collector]) -> None:
    """The story goes on at its pace, and a service stops as soon as ever."""
    stack, collector = traced_processes
    await tell(stack.scene(Silence()))
    began = time.monotonic()
    await tell(stack.scene(Silence()))
    usual = time.monotonic() - began

    collector.hangs.set()
    began = time.monotonic()
    orders = [await tell(stack.scene(Silence())) for _ in range(3)]
    took = (time.monotonic() - began) / 3
    stopped = await stop_time(stack, "billing")
    collector.hangs.clear()

    assert {order["status"] for order in orders} == {"completed"}
    assert took < max(3 * usual, stretched(3))
    assert stopped < stretched(12)


async def stop_time(stack: Stack, name: str) -> float:
    """How long an application takes to end after SIGTERM."""
    pid = stack.pid(name)
    began = time.monotonic()
    os.kill(pid, signal.SIGTERM)

    def gone() -> None:
        assert stack.alive(name) != pid

    await eventually(gone, within=30)
    return time.monotonic() - began


async def test_without_telemetry_no_line_of_a_story_has_a_secret(stack: Stack) -> None:
    """Passwords, tokens, codes, and whatever a client puts where it does not belong."""
    secret = "s3cret-Hunter2-horse"
    headers = {"X-Api-Key": secret, "Cookie": f"session={secret}"}
    await tell(stack.scene(Silence()))
    async with httpx.AsyncClient(base_url=f"{stack.url}/api/v1", headers=headers, timeout=30) as client:
        login = {"email": "nobody@example.org", "password": secret}
        answers = [
            await client.post("/identity/auth/login", json=login),
            await client.post("/identity/auth/verify-email", json={"token": secret, secret: secret}),
            await client.get(f"/identity/contacts/{secret}?token={secret}"),
            await client.get("/billing/invoices", headers={"Authorization": f"Bearer {secret}"}),
            await client.get(f"/order-management/orders?sort={secret}", headers=await signed_in(stack, client)),
            await client.get(f"/billing/plans/{secret}?q={secret}"),
        ]
    written = "\n".join(path.read_text() for path in stack.home.glob("logs/*"))

    assert [answer.status_code for answer in answers] == [401, 422, 401, 401, 400, 404]
    assert written.count("request.handled") > 50
    assert secret not in written
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10,}\.", written)
    admin = json.loads((stack.home / "credentials.json").read_text())
    assert admin["password"] not in written


async def signed_in(stack: Stack, client: httpx.AsyncClient) -> Mapping[str, str]:
    admin = json.loads((stack.home / "credentials.json").read_text())
    answer = await client.post("/identity/auth/login", json={"email": admin["email"], "password": admin["password"]})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_scrape_tells_of_requests_pools_and_builds(stack: Stack) -> None:
    """Each process on its admin port; no series has an id in it."""
    await tell(stack.scene(Silence()))

    for name, wanted in {
        "gateway": ["promenade_gateway_upstream_seconds_count", "promenade_gateway_breaker_open"],
        "billing": ["promenade_database_connections", "promenade_events_handled_total", "process_cpu_seconds_total"],
    }.items():
        text = await scrape(stack, name)
        for metric in [*wanted, "promenade_http_requests_total", "promenade_http_request_seconds_bucket"]:
            assert re.search(rf"^{metric}[ {{]", text, re.MULTILINE), (name, metric)
        assert f'promenade_build_info{{context="{name}",version=' in text
        assert not re.search(r'route="[^"]*[0-9a-f]{8}-[0-9a-f]{4}', text)


async def scrape(stack: Stack, name: str) -> str:
    """The metrics of an application: its admin port comes after those of the seven."""
    order = ["gateway", "identity", "customer-management", "order-management", "billing"]
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{stack.port + 7 + order.index(name)}/metrics")).text


def named(spans: list[Received], service: str, name: str) -> Received:
    """The one span of this name."""
    (found,) = [span for span in spans if (span.service, span.name) == (service, name)]
    return found


def ancestors(collector: Collector, span: Received) -> list[Received]:
    """From the first span of the trace to this one; a KeyError while one between has not arrived."""
    by_id = {each.id: each for each in collector.spans(span.trace)}
    chain = [span]
    while chain[-1].parent:
        chain.append(by_id[chain[-1].parent])
    return chain[::-1]


def log_lines(stack: Stack) -> list[dict[str, str]]:
    """Everything the applications have logged."""
    lines = [line for path in stack.home.glob("logs/*") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]
