"""Whether two sets of times differ: the Mann-Whitney test, without a library for it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p value, by the normal approximation with corrections for ties and continuity (n of 8 and more)."""
    n, m = len(first), len(second)
    counts = Counter([*first, *second])
    ranks: dict[float, float] = {}
    below = 0
    for value in sorted(counts):
        ranks[value] = below + (counts[value] + 1) / 2
        below += counts[value]
    u = sum(ranks[value] for value in first) - n * (n + 1) / 2
    ties = sum(count**3 - count for count in counts.values()) / ((n + m) * (n + m - 1))
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties))
    if spread == 0:
        return 1.0
    z = max(abs(u - n * m / 2) - 0.5, 0) / spread
    return math.erfc(z / math.sqrt(2))


def median_difference(first: Sequence[float], second: Sequence[float]) -> float:
    """How far the medians are apart, as a part of the smaller one."""
    a, b = sorted((median(first), median(second)))
    return (b - a) / a
