"""The test of times, against values known from elsewhere."""

from __future__ import annotations

import pytest
from identity_statistics import mann_whitney, median_difference

# The example of scipy.stats.mannwhitneyu's documentation: its p with method="asymptotic".
MALES, FEMALES = [19, 22, 16, 29, 24], [20, 11, 17, 12]


def test_it_gives_the_published_value() -> None:
    """In either order of the samples."""
    assert mann_whitney(MALES, FEMALES) == pytest.approx(0.11134688653314041)
    assert mann_whitney(FEMALES, MALES) == pytest.approx(0.11134688653314041)


def test_ties_share_their_ranks() -> None:
    """Worked by hand: U = 2.5 of 16, variance 16/12 · (9 − 36/56), z = 5/√11.142857."""
    assert mann_whitney([1, 2, 2, 3], [2, 3, 4, 4]) == pytest.approx(0.13417, abs=1e-5)


def test_it_tells_times_apart() -> None:
    """Two hundred of the same are no evidence; a shift by a tenth of their range is."""
    times = [(n * 37 % 200) / 200 for n in range(200)]

    assert mann_whitney(times, times) == 1.0
    assert mann_whitney([1.0] * 200, [1.0] * 200) == 1.0
    assert mann_whitney(times, [time + 0.1 for time in times]) < 0.002
    assert median_difference([1.0, 2.0, 3.0], [2.0, 2.1, 2.2]) == pytest.approx(0.05)
