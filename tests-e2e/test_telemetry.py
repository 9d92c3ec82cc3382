"""Telemetry of the whole stack: one trace an order, sent to a real collector over OTLP."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager

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
