"""How answers are counted: in full, in few series, and each context for itself."""

import pytest
from promenade_chassis.http.meters import http_meters_of
from prometheus_client import CollectorRegistry, generate_latest

ROUTE = "/tea/{tea_id}"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_durations_fall_into_buckets(registry: CollectorRegistry) -> None:
    """As many as are at most so slow, of all statuses of a class together."""
    meters = http_meters_of("tea", registry)
    for status, seconds in [(200, 0.001), (201, 0.0011), (204, 0.2), (404, 9), (200, 31)]:
        meters.answered("GET", ROUTE, status, seconds)

    def below(bound: str) -> float | None:
        labels = {"context": "tea", "method": "GET", "route": ROUTE, "status": "2xx", "le": bound}
        return registry.get_sample_value("promenade_http_request_seconds_bucket", labels)

    assert [below(bound) for bound in ("0.001", "0.0025", "0.25", "30.0", "+Inf")] == [1, 2, 3, 3, 4]
    labels = {"context": "tea", "method": "GET", "route": ROUTE, "status": "2xx"}
    assert registry.get_sample_value("promenade_http_request_seconds_sum", labels) == pytest.approx(31.2021)


def test_contexts_of_one_process_do_not_collide(registry: CollectorRegistry) -> None:
    """They share the metrics and differ by label; the same context asked for twice counts on."""
    http_meters_of("tea", registry).answered("GET", ROUTE, 200, 0.1)
    http_meters_of("milk", registry).answered("GET", ROUTE, 200, 0.1)
    http_meters_of("tea", registry).answered("GET", ROUTE, 200, 0.1)
    http_meters_of("milk", registry).in_flight = 3

    text = generate_latest(registry).decode()
    assert f'promenade_http_requests_total{{context="tea",method="GET",route="{ROUTE}",status="200"}} 2.0' in text
    assert f'promenade_http_requests_total{{context="milk",method="GET",route="{ROUTE}",status="200"}} 1.0' in text
    assert 'promenade_http_in_flight{context="milk"} 3.0' in text


def test_a_client_can_invent_no_series(registry: CollectorRegistry) -> None:
    """Methods that nobody knows are one."""
    meters = http_meters_of("tea", registry)
    for number in range(1000):
        meters.answered(f"BREW{number}", ROUTE, 405, 0.1)

    labels = {"context": "tea", "method": "other", "route": ROUTE, "status": "405"}
    assert registry.get_sample_value("promenade_http_requests_total", labels) == 1000
    assert generate_latest(registry).decode().count("promenade_http_requests_total{") == 1
