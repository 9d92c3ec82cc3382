"""The process's Prometheus metrics, sent to a collector over OTLP as well: the same names, counted once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Protocol

import structlog
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as OtelMetric
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

log = structlog.get_logger(__name__)

Labels = tuple[tuple[str, str], ...]


class Exporter(Protocol):
    """What is asked of the SDK's `MetricExporter`."""

    def export(self, metrics_data: MetricsData) -> MetricExportResult:
        """Send; takes as long as the exporter's timeout."""
        ...

    def shutdown(self) -> None:
        """Send no more, and end a pause between two tries."""
        ...


class MetricsExport:
    """Reads the registry every so many seconds, in a thread of its own, and once more at the end."""

    def __init__(self, exporter: Exporter, registry: CollectorRegistry, resource: Resource, *, every: float) -> None:
        self._exporter = exporter
        self._registry = registry
        self._resource = resource
        self._every = every
        self._since = time.time_ns()
        self._answers = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telemetry-metrics", daemon=True)
        self._thread.start()

    def stop(self, within: float) -> None:
        """Export once more, for so many seconds at most."""
        self._stop.set()
        self._thread.join(within)
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._export()
        self._export()

    def _export(self) -> None:
        try:
            data = metrics_data(self._registry.collect(), self._resource, self._since, time.time_ns())
            answers = self._exporter.export(data) is MetricExportResult.SUCCESS
        except Exception as error:  # a thread that ends would export nothing from then on
            log.error("telemetry.export-failed", error=type(error).__name__, exc_info=error)
            answers = False
        if answers is not self._answers:
            self._answers = answers
            (log.info if answers else log.warning)("telemetry.collector", answers=answers, signal="metrics")


def metrics_data(families: Iterable[Metric], resource: Resource, since: int, now: int) -> MetricsData:
    """Prometheus families as OTLP's data; times in nanoseconds."""
    metrics = [metric for family in families if (metric := _metric_of(family, since, now)) is not None]
    scope = ScopeMetrics(InstrumentationScope("promenade"), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric_of(family: Metric, since: int, now: int) -> OtelMetric | None:
    if not family.samples:
        return None
    if family.type == "counter":
        totals = [sample for sample in family.samples if sample.name.endswith("_total")]
        data = Sum(list(_points(totals, since, now)), AggregationTemporality.CUMULATIVE, is_monotonic=True)
        return OtelMetric(f"{family.name}_total", family.documentation, family.unit, data)
    if family.type == "histogram":
        points = list(_histogram_points(family, since, now))
        return OtelMetric(
            family.name, family.documentation, family.unit, Histogram(points, AggregationTemporality.CUMULATIVE)
        )
    if family.type in ("gauge", "info"):
        return OtelMetric(
            family.samples[0].name, family.documentation, family.unit, Gauge(list(_points(family.samples, since, now)))
        )
    return None  # summaries and state sets: there are none of ours


def _points(samples: Iterable[Sample], since: int, now: int) -> Iterator[NumberDataPoint]:
    for sample in samples:
        if math.isfinite(sample.value):
            yield NumberDataPoint(dict(sample.labels), since, now, sample.value)


def _histogram_points(family: Metric, since: int, now: int) -> Iterator[HistogramDataPoint]:
    buckets: dict[Labels, list[tuple[float, int]]] = {}
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        labels = tuple(sorted((key, value) for key, value in sample.labels.items() if key != "le"))
        if sample.name.endswith("_bucket"):
            buckets.setdefault(labels, []).append((float(sample.labels["le"]), int(sample.value)))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    for labels, cumulative in buckets.items():
        yield _histogram_point(labels, sorted(cumulative), sums.get(labels, 0.0), since, now)


def _histogram_point(
    labels: Labels, cumulative: list[tuple[float, int]], total: float, since: int, now: int
) -> HistogramDataPoint:
    """Prometheus counts what is at most so much, OTLP what is between two bounds; neither knows extremes here."""
    counts = [count for _, count in cumulative]
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=since,
        time_unix_nano=now,
        count=counts[-1],
        sum=total,
        bucket_counts=[after - before for before, after in zip([0, *counts], counts, strict=False)],
        explicit_bounds=[bound for bound, _ in cumulative if math.isfinite(bound)],
        min=math.inf,
        max=-math.inf,
    )
