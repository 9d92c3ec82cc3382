"""What the gateway counts beside its answers (which the chassis' HTTP meters count under the context `gateway`)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Protocol

from promenade_chassis.http.meters import Tally
from prometheus_client import REGISTRY, Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Count:
    """A plain number of the event loop, read by the scrape: what every request counts must cost next to nothing."""

    __slots__ = ("about", "name", "value")

    def __init__(self, name: str, about: str) -> None:
        self.name = name
        self.about = about
        self.value = 0

    def inc(self) -> None:
        """Once more."""
        self.value += 1


TOKEN_CACHE_HITS = Count("promenade_gateway_token_cache_hits", "Tokens that were known to be good.")
TOKEN_CACHE_MISSES = Count("promenade_gateway_token_cache_misses", "Tokens whose signature had to be checked.")
REDIS_ROUND_TRIPS = Count(
    "promenade_gateway_redis_round_trips", "Questions sent to Redis; many requests may share one."
)
UPSTREAM_SECONDS: dict[str, Tally] = {}  # by service
REDIS_AWAY = Counter("promenade_gateway_redis_away", "Requests for which Redis gave no answer.")
RATE_LIMITED = Counter("promenade_gateway_rate_limited", "Requests refused with 429, by policy.", ["policy"])
UPSTREAM_RETRIES = Counter("promenade_gateway_upstream_retries", "Requests sent to a service again.", ["service"])
UPSTREAM_FAILURES = Counter(
    "promenade_gateway_upstream_failures", "Attempts without an answer, by what happened.", ["service", "failure"]
)


def upstream_seconds(service: str) -> Tally:
    """Where the seconds of a service are added up."""
    return UPSTREAM_SECONDS.setdefault(service, Tally())


class _Breaker(Protocol):
    @property
    def is_open(self) -> bool: ...


class _Upstream(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def breaker(self) -> _Breaker: ...


class _Service(Protocol):
    @property
    def upstreams(self) -> Iterable[_Upstream]: ...
    @property
    def in_flight(self) -> int: ...


class UpstreamGauges(Collector):
    """How the services stand at this moment, asked by the scrape.

    One for a process: `shown` are the services of each gateway in it, of which there are several in tests alone.
    """

    def __init__(self) -> None:
        self.shown: list[Mapping[str, _Service]] = []

    def describe(self) -> Iterable[Metric]:
        """No name is claimed: several gateways in one process, as tests have them, do not shut each other out."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Called by the scrape, in a thread of its own."""
        breakers = GaugeMetricFamily(
            "promenade_gateway_breaker_open",
            "1 while a replica is left alone because it takes no connections.",
            labels=["service", "upstream"],
        )
        in_flight = GaugeMetricFamily(
            "promenade_gateway_upstream_in_flight", "Requests under way to a service.", labels=["service"]
        )
        for name, service in (pair for services in tuple(self.shown) for pair in services.items()):
            in_flight.add_metric([name], service.in_flight)
            for upstream in service.upstreams:
                breakers.add_metric([name, upstream.url], int(upstream.breaker.is_open))
        return (breakers, in_flight)


class Counted(Collector):
    """What is counted by plain numbers."""

    def collect(self) -> Iterable[Metric]:
        """Called by the scrape, in a thread of its own."""
        for count in (TOKEN_CACHE_HITS, TOKEN_CACHE_MISSES, REDIS_ROUND_TRIPS):
            yield CounterMetricFamily(count.name, count.about, value=count.value)
        seconds = HistogramMetricFamily(
            "promenade_gateway_upstream_seconds",
            "From sending a request to a service to the end of its answer.",
            labels=["service"],
        )
        for service, tally in tuple(UPSTREAM_SECONDS.items()):
            seconds.add_metric([service], buckets=tally.buckets(), sum_value=tally.seconds)
        yield seconds


REGISTRY.register(Counted())
_gauges = UpstreamGauges()
REGISTRY.register(_gauges)


@contextmanager
def upstreams_shown(services: Mapping[str, _Service]) -> Generator[None, None, None]:
    """Let the process's metrics tell of these services while the block runs."""
    _gauges.shown.append(services)
    try:
        yield
    finally:
        _gauges.shown.remove(services)
