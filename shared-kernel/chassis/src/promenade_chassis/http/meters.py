"""What HTTP answers are counted: how many, how fast, how many at this moment; by route template, never by raw path.

Counted by plain numbers on the event loop, read by the scrape in its thread: an answer costs half a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

NO_ROUTE = "none"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_NAMES = (*(str(bound) for bound in _BOUNDS), "+Inf")
_LABELS = ("context", "method", "route", "status")


class Tally:
    """How often something took how long."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Once more."""
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As a histogram has them: how often it took so long or less."""
        below, cumulative = 0, list[tuple[str, float]]()
        for name, count in zip(_NAMES, self.counts, strict=True):
            below += count
            cumulative.append((name, below))
        return cumulative


class HttpMeters:
    """One context's."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.in_flight = 0
        self.tallies: dict[tuple[str, str, int], Tally] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has been answered, or its client has left (499)."""
        key = (method, route, status)
        tally = self.tallies.get(key)
        if tally is None:
            key = (method if method in METHODS else "other", route, status)
            tally = self.tallies.setdefault(key, Tally())
        tally.add(seconds)


class HttpCollector(Collector):
    """All contexts of a process."""

    def __init__(self) -> None:
        self._contexts: dict[str, HttpMeters] = {}

    def of(self, context: str) -> HttpMeters:
        """A context's meters, made on the first call."""
        return self._contexts.setdefault(context, HttpMeters(context))

    def collect(self) -> Iterable[Metric]:
        """Called by the scrape: requests by status, durations by class of status, requests in flight."""
        requests = CounterMetricFamily("promenade_http_requests", "Requests answered.", labels=_LABELS)
        seconds = HistogramMetricFamily(
            "promenade_http_request_seconds", "From the head of a request to the end of its answer.", labels=_LABELS
        )
        in_flight = GaugeMetricFamily("promenade_http_in_flight", "Requests being answered.", labels=["context"])
        for meters in list(self._contexts.values()):
            in_flight.add_metric([meters.context], meters.in_flight)
            tallies = list(meters.tallies.items())
            for (method, route, status), tally in tallies:
                requests.add_metric([meters.context, method, route, str(status)], sum(tally.counts))
            for (method, route, status_class), tally in _by_class(tallies).items():
                labels = [meters.context, method, route, status_class]
                seconds.add_metric(labels, buckets=tally.buckets(), sum_value=tally.seconds)
        return (requests, seconds, in_flight)


def _by_class(tallies: Iterable[tuple[tuple[str, str, int], Tally]]) -> dict[tuple[str, str, str], Tally]:
    """`2xx`, `4xx`, …: a histogram of each status would be fifteen series each."""
    merged: dict[tuple[str, str, str], Tally] = {}
    for (method, route, status), tally in tallies:
        into = merged.setdefault((method, route, f"{status // 100}xx"), Tally())
        into.counts = [mine + more for mine, more in zip(into.counts, tally.counts, strict=True)]
        into.seconds += tally.seconds
    return merged


_collectors: WeakKeyDictionary[CollectorRegistry, HttpCollector] = WeakKeyDictionary()


def http_meters_of(context: str, registry: CollectorRegistry | None = None) -> HttpMeters:
    """The meters of a context; contexts that share a process share the metrics and differ by label."""
    where = REGISTRY if registry is None else registry
    found = _collectors.get(where)
    if found is None:
        found = _collectors[where] = HttpCollector()
        where.register(found)
    return found.of(context)
