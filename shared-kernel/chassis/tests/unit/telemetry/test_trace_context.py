"""W3C trace contexts: taken over as they are, or not at all."""

import re

import pytest
from promenade_chassis.telemetry.trace_context import (
    new_traceparent,
    span_id_of,
    trace_id_of,
    traceparent_from,
    tracestate_from,
)

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("flags", ["00", "01", "03"])
def test_a_good_one_is_taken_over_with_its_flags(flags: str) -> None:
    """Whether it is recorded was decided where the trace began."""
    given = GOOD[:-2] + flags

    assert traceparent_from(given.encode()) == given
    assert (trace_id_of(given), span_id_of(given)) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


@pytest.mark.parametrize(
    "given",
    [
        None,
        b"",
        b"x",
        GOOD.encode() + b"-more",
        GOOD.upper().encode(),
        b"01" + GOOD[2:].encode(),
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"\xff" * 55,
    ],
)
def test_anything_else_is_none(given: bytes | None) -> None:
    """A malformed header is as good as no header."""
    assert traceparent_from(given) is None


def test_a_new_trace_is_one_of_its_own() -> None:
    """Well-formed, and each a different one."""
    made = {new_traceparent() for _ in range(2)}

    assert len(made) == 2
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", each) for each in made)


@pytest.mark.parametrize(("given", "taken"), [(b"a=1,b=2", "a=1,b=2"), (b"a=" + b"1" * 511, None), (None, None)])
def test_a_state_is_taken_as_long_as_it_is_of_ordinary_length(given: bytes | None, taken: str | None) -> None:
    """A client cannot make every service carry kilobytes."""
    assert tracestate_from(given) == taken
