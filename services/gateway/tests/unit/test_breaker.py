"""The circuit breaker, on a clock of our own."""

import pytest
from promenade_gateway.breaker import Breaker
from promenade_gateway.errors import UpstreamBusy
from promenade_gateway.upstreams import Service, Upstream


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def a_breaker(clock: Clock, failures: int = 3) -> Breaker:
    return Breaker(failures=failures, pause=1.0, clock=clock)


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    """Until then every request may try."""
    breaker = a_breaker(Clock())

    for _ in range(3):
        assert breaker.take()
        breaker.failed()

    assert not breaker.take()
    assert breaker.is_open


def test_a_success_starts_the_count_again() -> None:
    """Only failures in a row count."""
    breaker = a_breaker(Clock())
    for _ in range(2):
        breaker.failed()

    breaker.succeeded()
    for _ in range(2):
        breaker.failed()

    assert breaker.take()


def test_after_the_pause_one_request_tries() -> None:
    """The others wait for its outcome, or for the next pause to pass."""
    clock = Clock()
    breaker = a_breaker(clock)
    for _ in range(3):
        breaker.failed()

    clock.now += 1.0

    assert breaker.take()
    assert not breaker.take()
    clock.now += 1.0
    assert breaker.take()


def test_the_trial_decides() -> None:
    """Success closes it, failure opens it for another pause."""
    clock = Clock()
    breaker = a_breaker(clock)
    for _ in range(3):
        breaker.failed()
    clock.now += 1.0
    breaker.take()

    breaker.failed()
    assert not breaker.take()
    clock.now += 1.0
    breaker.take()
    breaker.succeeded()

    assert breaker.take()
    assert breaker.take()


def a_service(clock: Clock, replicas: int, max_in_flight: int = 2) -> Service:
    upstreams = [Upstream(f"http://{i}", a_breaker(clock, failures=1)) for i in range(replicas)]
    return Service("billing", upstreams, max_in_flight=max_in_flight)


def test_replicas_take_turns() -> None:
    """Each gets the same share."""
    service = a_service(Clock(), 3)

    picked = [service.pick() for _ in range(6)]

    assert set(picked[:3]) == set(service.upstreams)
    assert picked[:3] == picked[3:]


def test_an_open_replica_is_passed_over() -> None:
    """The others take its share; with none left there is none."""
    service = a_service(Clock(), 2)
    broken, whole = service.upstreams
    broken.breaker.failed()

    assert {service.pick() for _ in range(4)} == {whole}
    whole.breaker.failed()
    assert service.pick() is None


def test_a_second_try_goes_elsewhere_first() -> None:
    """To the same replica only where it is the only one."""
    pair, single = a_service(Clock(), 2), a_service(Clock(), 1)

    for upstream in pair.upstreams:
        assert pair.pick(after=upstream) is not upstream
    assert single.pick(after=single.upstreams[0]) is single.upstreams[0]


def test_more_than_a_service_can_hold_is_refused_at_once() -> None:
    """A place that was given back can be taken again."""
    service = a_service(Clock(), 1, max_in_flight=1)

    with service.slot(), pytest.raises(UpstreamBusy), service.slot():
        pass
    with service.slot():
        pass
