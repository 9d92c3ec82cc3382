"""What a context's ledger and its loops count, for Prometheus.

The ledger's are made for a hot path: one call a batch, children looked up once.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

_LABELS = ("context", "reaction")
# An event of a batch costs some ten microseconds, a reaction that waits for a lock seconds.
_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class _Families:
    """The metrics of one registry: contexts that share a process share these and differ by label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.handled = Counter(
            "promenade_events_handled", "Events that took effect.", _LABELS, registry=registry
        )  # exported as …_total
        self.failed = Counter("promenade_events_failed", "Failed attempts.", _LABELS, registry=registry)
        self.dead = Counter(
            "promenade_events_dead", "Events given up: dead letters written.", _LABELS, registry=registry
        )
        self.duplicates = Counter(
            "promenade_events_duplicate", "Deliveries of what had taken effect before.", ["context"], registry=registry
        )
        self.seconds = Histogram(
            "promenade_event_handling_seconds",
            "Seconds an event took to handle; of a batch the mean, observed once.",
            _LABELS,
            buckets=_BUCKETS,
            registry=registry,
        )
        self.loop_failures = Counter(
            "promenade_loop_failures",
            "Loops that failed and were started again.",
            ("context", "loop"),
            registry=registry,
        )


_families: WeakKeyDictionary[CollectorRegistry, _Families] = WeakKeyDictionary()


def _families_of(registry: CollectorRegistry) -> _Families:
    found = _families.get(registry)
    if found is None:
        found = _families[registry] = _Families(registry)
    return found


def loop_failures(context: str, loop: str, registry: CollectorRegistry | None = None) -> Counter:
    """Counts how often a loop failed; exported from the first call on, so that the first failure is an increase."""
    return _families_of(REGISTRY if registry is None else registry).loop_failures.labels(context, loop)


class _Reaction:
    """One reaction's children."""

    __slots__ = ("dead", "failed", "handled", "seconds")

    def __init__(self, families: _Families, context: str, reaction: str) -> None:
        self.handled = families.handled.labels(context, reaction)
        self.failed = families.failed.labels(context, reaction)
        self.dead = families.dead.labels(context, reaction)
        self.seconds = families.seconds.labels(context, reaction)


class EventMeters:
    """One context's counters. Made as often as wished: the same context counts on."""

    def __init__(self, context: str, registry: CollectorRegistry | None = None) -> None:
        self._context = context
        self._families = _families_of(REGISTRY if registry is None else registry)
        self._duplicates = self._families.duplicates.labels(context)
        self._reactions: dict[str, _Reaction] = {}

    def handled(self, reaction: str, events: int, seconds: float) -> None:
        """So many events took effect in one transaction that took so many seconds."""
        if events > 0:
            children = self._of(reaction)
            children.handled.inc(events)
            children.seconds.observe(seconds / events)

    def failed(self, reaction: str) -> None:
        """One attempt failed; `NotYet` is none."""
        self._of(reaction).failed.inc()

    def duplicates(self, events: int) -> None:
        """So many deliveries had taken effect before."""
        if events > 0:
            self._duplicates.inc(events)

    def dead(self, reaction: str) -> None:
        """One dead letter was written."""
        self._of(reaction).dead.inc()

    def _of(self, reaction: str) -> _Reaction:
        found = self._reactions.get(reaction)
        if found is None:
            found = self._reactions[reaction] = _Reaction(self._families, self._context, reaction)
        return found
