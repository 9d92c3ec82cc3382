"""How long failures wait."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.config import EventsSettings
from promenade_chassis.events.retry import RetryPolicy, not_yet_delay, pauses


@given(failures=st.integers(1, 10_000), jitter=st.floats(0, 1, exclude_max=True))
def test_full_jitter_stays_between_nothing_and_the_ceiling(failures: int, jitter: float):
    """However often it failed, the wait is a share of first * 2^(n-1), capped."""
    policy = RetryPolicy(attempts=8, first=0.2, cap=30.0)

    delay = policy.delay(failures, lambda: jitter)

    assert 0 <= delay <= min(30.0, 0.2 * 2.0 ** min(failures - 1, 100))


def test_ceilings_double_up_to_the_cap():
    """0.2 s, 0.4 s … 30 s, as the design says."""
    policy = RetryPolicy.of(EventsSettings())

    ceilings = [policy.ceiling(failures) for failures in range(1, 11)]

    assert ceilings == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0])


def test_jitter_covers_the_whole_range():
    """Replicas that failed together do not come back together."""
    policy = RetryPolicy(first=1.0)

    delays = [policy.delay(1) for _ in range(500)]

    assert min(delays) < 0.1
    assert max(delays) > 0.9


def test_attempts_are_exhausted_at_the_limit_not_before():
    """Eight attempts means that the eighth failure is the last."""
    policy = RetryPolicy(attempts=8)

    assert [policy.is_exhausted(failures) for failures in (7, 8, 9)] == [False, True, True]


def test_not_yet_doubles_from_50_milliseconds_to_5_seconds():
    """Waiting as long again as it has waited doubles the pauses."""
    waited, delays = 0.0, []
    for _ in range(10):
        delays.append(not_yet_delay(waited))
        waited += delays[-1]

    assert delays == pytest.approx([0.05, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_pauses_grow_and_never_end():
    """What is away is asked again for ever, at most at the cap's distance."""
    waits = list(itertools.islice(pauses(first=0.1, cap=1.0), 50))

    assert 0.05 <= waits[0] <= 0.1
    assert all(0.5 <= wait <= 1.0 for wait in waits[5:])
