"""What a process tells of itself: which contexts in which version it runs, and how busy their database pools are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector


class Pool(Protocol):
    """A database whose pool is watched."""

    def pool_stats(self) -> Mapping[str, int]:
        """The pool's own counts, `psycopg_pool`'s names."""
        ...


class ProcessGauges(Collector):
    """All contexts of a process; asked by the scrape, in a thread of its own."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.pools: dict[str, Pool] = {}

    def collect(self) -> Iterable[Metric]:
        """The build of each context, then its pool."""
        build = InfoMetricFamily("promenade_build", "What runs in this process.", labels=["context"])
        for context, version in list(self.versions.items()):
            build.add_metric([context], {"version": version})
        return (build, *_of_pools({context: pool.pool_stats() for context, pool in list(self.pools.items())}))


def _of_pools(stats: Mapping[str, Mapping[str, int]]) -> Iterable[Metric]:
    connections = GaugeMetricFamily(
        "promenade_database_connections", "Connections of the pool, by what they do.", labels=["context", "state"]
    )
    most = GaugeMetricFamily("promenade_database_connections_max", "As many as the pool may have.", labels=["context"])
    waiting = GaugeMetricFamily(
        "promenade_database_waiting", "Pieces of work that wait for a connection.", labels=["context"]
    )
    waits = CounterMetricFamily(
        "promenade_database_waits", "How often there was no connection free.", labels=["context"]
    )
    seconds = CounterMetricFamily(
        "promenade_database_wait_seconds", "How long was waited for connections altogether.", labels=["context"]
    )
    for context, found in stats.items():
        idle = found.get("pool_available", 0)
        connections.add_metric([context, "idle"], idle)
        connections.add_metric([context, "used"], found.get("pool_size", 0) - idle)
        most.add_metric([context], found.get("pool_max", 0))
        waiting.add_metric([context], found.get("requests_waiting", 0))
        waits.add_metric([context], found.get("requests_queued", 0))
        seconds.add_metric([context], found.get("requests_wait_ms", 0) / 1000)
    return (connections, most, waiting, waits, seconds)


_gauges: WeakKeyDictionary[CollectorRegistry, ProcessGauges] = WeakKeyDictionary()


def show_build(context: str, version: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Tell that this process runs a context, and which release of it."""
    _gauges_of(registry).versions[context] = version


def show_pool(context: str, pool: Pool, registry: CollectorRegistry = REGISTRY) -> None:
    """Tell how a context's pool stands, until `hide_pool`."""
    _gauges_of(registry).pools[context] = pool


def hide_pool(context: str, registry: CollectorRegistry = REGISTRY) -> None:
    """The pool is closed."""
    _gauges_of(registry).pools.pop(context, None)


def _gauges_of(registry: CollectorRegistry) -> ProcessGauges:
    found = _gauges.get(registry)
    if found is None:
        found = _gauges[registry] = ProcessGauges()
        registry.register(found)
    return found
