"""How the backbone stands, as gauges: looked at now and then, and answered from memory when scraped.

So a scrape never waits for PostgreSQL or Redis, and what is older than a minute, because one is away, is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from promenade_chassis.events.operator.records import StreamLag

_FRESH_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One context as it was seen last. Seconds and counts; `stream` is its own, None on a memory bus."""

    outbox_depth: int
    outbox_oldest_seconds: float
    dead_letters_open: int
    stuck: int
    gaps: int
    stream: StreamLag | None = None
    seen_at: float = field(default_factory=time.monotonic)


class EventGauges(Collector):
    """The gauges of all contexts of a process."""

    def __init__(self) -> None:
        self._seen: dict[str, Observation] = {}

    def show(self, context: str, observation: Observation) -> None:
        """Answer this from now on."""
        self._seen[context] = observation

    def forget(self, context: str) -> None:
        """The context's worker has stopped."""
        self._seen.pop(context, None)

    def collect(self) -> Iterable[Metric]:
        """Called by the scrape, in a thread of its own."""
        fresh_since = time.monotonic() - _FRESH_SECONDS
        seen = {context: each for context, each in list(self._seen.items()) if each.seen_at >= fresh_since}
        yield from _by_context(seen)
        yield from _by_stream(seen)


def _by_context(seen: dict[str, Observation]) -> Iterable[Metric]:
    depth = GaugeMetricFamily("promenade_outbox_depth", "Events recorded and not published.", labels=["context"])
    oldest = GaugeMetricFamily(
        "promenade_outbox_oldest_seconds", "For how long the first event not published has waited.", labels=["context"]
    )
    dead = GaugeMetricFamily("promenade_dead_letters_open", "Neither replayed nor discarded.", labels=["context"])
    stuck = GaugeMetricFamily(
        "promenade_events_stuck", "Waiting for more than an hour.", labels=["context", "waits_for"]
    )
    for context, each in seen.items():
        depth.add_metric([context], each.outbox_depth)
        oldest.add_metric([context], each.outbox_oldest_seconds)
        dead.add_metric([context], each.dead_letters_open)
        stuck.add_metric([context, "reaction"], each.stuck)
        stuck.add_metric([context, "earlier-event"], each.gaps)
    return (depth, oldest, dead, stuck)


def _by_stream(seen: dict[str, Observation]) -> Iterable[Metric]:
    labels = ["context", "stream", "group"]
    length = GaugeMetricFamily(
        "promenade_stream_length", "Entries on the context's stream.", labels=["context", "stream"]
    )
    lag = GaugeMetricFamily("promenade_stream_lag", "Entries not yet delivered to the group.", labels=labels)
    pending = GaugeMetricFamily("promenade_stream_pending", "Entries delivered, not acknowledged.", labels=labels)
    for context, each in seen.items():
        if each.stream is None:
            continue
        length.add_metric([context, each.stream.stream], each.stream.length)
        for group in each.stream.groups:
            pending.add_metric([context, group.stream, group.group], group.pending)
            if group.lag is not None:
                lag.add_metric([context, group.stream, group.group], group.lag)
    return (length, lag, pending)


_gauges: WeakKeyDictionary[CollectorRegistry, EventGauges] = WeakKeyDictionary()


def gauges_of(registry: CollectorRegistry | None = None) -> EventGauges:
    """The gauges of a registry, made on the first call."""
    where = REGISTRY if registry is None else registry
    found = _gauges.get(where)
    if found is None:
        found = _gauges[where] = EventGauges()
        where.register(found)
    return found
