"""The one rounding of amounts, and the one way to share an amount out. Exact rationals only."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

Rational = int | Fraction


def round_half_away(value: Rational) -> int:
    """Round to the nearest integer; a half goes away from zero: 0.5 to 1, -0.5 to -1."""
    exact = _exact(value)
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    if 2 * rest >= exact.denominator:
        whole += 1
    return -whole if exact < 0 else whole


def share_largest_remainder(total: int, weights: Sequence[Rational]) -> list[int]:
    """Share `total` in proportion to `weights` (none negative); the shares sum to `total` exactly.

    Each share is its exact part rounded down; the units left go to the largest remainders, ties to the lower index.
    """
    exact = [_exact(weight) for weight in weights]
    if any(weight < 0 for weight in exact):
        raise ValueError("weights must not be negative")
    whole = sum(exact, Fraction(0))
    if whole == 0:
        if total != 0:
            raise ValueError("an amount cannot be shared among weights of nothing")
        return [0] * len(exact)
    if total < 0:
        return [-share for share in share_largest_remainder(-total, weights)]
    return apportion(total, [Fraction(total * weight, whole) for weight in exact])


def apportion(total: int, parts: Sequence[Rational]) -> list[int]:
    """Round exact parts, which sum to about `total`, to integers that sum to it, by largest remainder.

    Every result is its part rounded down or up. `total` must lie within rounding of the parts' sum.
    """
    floors = [floor(part) for part in parts]
    left = total - sum(floors)
    if not 0 <= left <= len(floors):
        raise ValueError("the total does not belong to these parts")
    by_remainder = sorted(range(len(floors)), key=lambda index: floors[index] - _exact(parts[index]))
    for index in by_remainder[:left]:
        floors[index] += 1
    return floors


def _exact(value: Rational) -> Fraction:
    # Fraction(0.1) would take a binary float silently.
    if isinstance(value, bool) or not isinstance(value, int | Fraction):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"amounts are integers or fractions, not {type(value).__name__}")
    return Fraction(value)
