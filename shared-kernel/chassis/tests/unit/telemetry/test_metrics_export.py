"""The process's metrics, as a collector gets them."""

import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.resources import Resource
from promenade_chassis.process_meters import show_build
from promenade_chassis.telemetry.metrics_export import MetricsExport
from promenade_chassis.testing.collector import Collector, running_collector
from promenade_chassis.testing.polling import eventually, stretched
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

TEA = Resource.create({"service.name": "tea"})


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def exported(collector: Collector, registry: CollectorRegistry) -> None:
    """Export once, as at the end of a process."""
    exporter = OTLPMetricExporter(f"{collector.url}/v1/metrics")
    MetricsExport(exporter, registry, TEA, every=3600).stop(5)


def test_a_counter_is_a_growing_sum(collector: Collector, registry: CollectorRegistry) -> None:
    """Under the name it has in Prometheus, with its labels."""
    cups = Counter("cups", "Cups drunk.", ["tea"], registry=registry)
    cups.labels("green").inc(3)

    exported(collector, registry)

    (point,) = collector.metric("tea", "cups_total").sum.data_points
    assert collector.metric("tea", "cups_total").sum.is_monotonic
    assert (point.as_double, point.attributes[0].key, point.attributes[0].value.string_value) == (3, "tea", "green")


def test_a_histogram_keeps_its_buckets(collector: Collector, registry: CollectorRegistry) -> None:
    """Counted between two bounds, where Prometheus counts all that is below."""
    seconds = Histogram("brewing_seconds", "…", ["tea"], buckets=(1, 2, 4), registry=registry)
    for value in (0.5, 1.5, 1.7, 9):
        seconds.labels("green").observe(value)

    exported(collector, registry)

    (point,) = collector.metric("tea", "brewing_seconds").histogram.data_points
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([1, 2, 4], [1, 2, 0, 1])
    assert (point.count, point.sum) == (4, 12.7)


def test_gauges_and_builds_are_what_they_are_now(collector: Collector, registry: CollectorRegistry) -> None:
    """A build is a gauge whose labels tell."""
    Gauge("warmth", "…", registry=registry).set(-4.5)
    show_build("tea", "1.2.3", registry)

    exported(collector, registry)

    assert collector.metric("tea", "warmth").gauge.data_points[0].as_double == -4.5
    build = collector.metric("tea", "promenade_build_info").gauge.data_points[0]
    assert {each.key: each.value.string_value for each in build.attributes} == {"context": "tea", "version": "1.2.3"}


def test_what_has_no_form_in_otlp_or_no_value_is_left_out(collector: Collector, registry: CollectorRegistry) -> None:
    """And the rest is sent."""
    Summary("unused", "…", registry=registry).observe(1)
    Counter("never", "…", ["tea"], registry=registry)
    Gauge("unknown", "…", registry=registry).set(float("nan"))
    Gauge("warmth", "…", registry=registry).set(1)

    exported(collector, registry)

    assert collector.metric("tea", "warmth") is not None
    assert [collector.metric("tea", name) for name in ("unused", "never_total")] == [None, None]
    assert len(collector.metric("tea", "unknown").gauge.data_points) == 0


async def test_metrics_go_out_again_and_again(collector: Collector, registry: CollectorRegistry) -> None:
    """Each time as they stand then, since the same beginning."""
    cups = Counter("cups", "…", registry=registry)
    exporter = OTLPMetricExporter(f"{collector.url}/v1/metrics")
    export = MetricsExport(exporter, registry, TEA, every=0.02)

    def first_cups() -> int:
        return collector.metric("tea", "cups_total").sum.data_points[0].start_time_unix_nano

    since = await eventually(first_cups)
    cups.inc(7)

    def seven() -> None:
        assert collector.metric("tea", "cups_total").sum.data_points[0].as_double == 7

    await eventually(seven)
    assert first_cups() == since
    export.stop(5)


def test_without_a_collector_the_end_does_not_wait(registry: CollectorRegistry) -> None:
    """The exporter would try for as long as its timeout."""
    exporter = OTLPMetricExporter("http://127.0.0.1:1/v1/metrics", timeout=30)
    export = MetricsExport(exporter, registry, TEA, every=3600)

    began = time.monotonic()
    export.stop(0.2)

    assert time.monotonic() - began < stretched(10)
