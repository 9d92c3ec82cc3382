"""Request ids and trace contexts: taken over or made."""

import re

import pytest
from promenade_gateway.tracing import Trail, request_id_from

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_good_request_id_is_echoed() -> None:
    """So that a client finds its own request in our logs."""
    assert request_id_from([(b"x-request-id", b"order-7:a.b_c")]) == "order-7:a.b_c"


@pytest.mark.parametrize("given", [b"", b"a b", b'a"b', b"x" * 129, b"\xff", b"a\tb"])
def test_another_request_id_is_replaced(given: bytes) -> None:
    """Nothing that could break a log line passes."""
    made = request_id_from([(b"x-request-id", given)])

    assert re.fullmatch(r"[0-9a-f-]{36}", made)


def test_a_good_traceparent_is_passed_on() -> None:
    """The trace began with the client."""
    trail = Trail([(b"traceparent", GOOD.encode())], None, "GET")

    assert (trail.traceparent, trail.followed) == (GOOD, True)


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"x",
        GOOD.encode() + b"-more",
        GOOD.upper().encode(),
        b"01" + GOOD[2:].encode(),
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
    ],
)
def test_another_traceparent_starts_a_new_trace(given: bytes) -> None:
    """Each a different one."""
    made = [Trail([(b"traceparent", given)], None, "GET") for _ in range(2)]

    assert len({trail.traceparent for trail in made}) == 2
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", trail.traceparent) for trail in made)
    assert not any(trail.followed for trail in made)


def test_without_a_tracer_nothing_of_a_trail_is_a_span() -> None:
    """What goes on is what came, whatever happens on the way."""
    trail = Trail([(b"traceparent", GOOD.encode())], None, "GET")

    with trail.under_way() as span:
        trail.attempt("GET", "billing", "http://billing:8000")
        trail.attempted("Dropped")
        trail.answered("GET", "/plans", 503, "mine")

    assert (span, trail.traceparent) == (None, GOOD)
