"""Rounding and sharing out."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_kernel.values.rounding import apportion, round_half_away, share_largest_remainder

rationals = st.builds(Fraction, st.integers(-(10**12), 10**12), st.sampled_from([1, 2, 3, 7, 100, 10**6, 10**6 + 7]))
weights = st.lists(st.builds(Fraction, st.integers(0, 10**6), st.integers(1, 1000)), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(3, 2), 2),
        (Fraction(5, 2), 3),
        (Fraction(-5, 2), -3),
        (Fraction(49, 100), 0),
        (Fraction(-49, 100), 0),
        (Fraction(1, 3), 0),
        (Fraction(2, 3), 1),
        (0, 0),
        (7, 7),
        (-7, -7),
    ],
)
def test_a_half_goes_away_from_zero(value: Fraction, rounded: int):
    """Halves are rounded away from zero, on both sides of it."""
    assert round_half_away(value) == rounded


@given(st.integers(-(10**18), 10**18))
def test_rounds_as_commerce_does(thousandths: int):
    """For decimals it is what the decimal module calls ROUND_HALF_UP."""
    expected = (Decimal(thousandths) / 1000).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    assert round_half_away(Fraction(thousandths, 1000)) == int(expected)


@given(rationals)
def test_is_symmetric_and_near(value: Fraction):
    """What is taken back rounds as what was given; never more than a half away."""
    assert round_half_away(-value) == -round_half_away(value)
    assert abs(round_half_away(value) - value) <= Fraction(1, 2)


@pytest.mark.parametrize("value", [0.5, True, "1", Decimal("0.5"), None])
def test_takes_exact_rationals_only(value: Any):
    """A binary float is refused where it would enter."""
    with pytest.raises(TypeError):
        round_half_away(value)
    with pytest.raises(TypeError):
        share_largest_remainder(1, [value])


@pytest.mark.parametrize(
    ("total", "shares_by", "shares"),
    [
        (300, [4000, 2000, 2000], [150, 75, 75]),
        (299, [1000, 1000, 1000], [100, 100, 99]),
        (1, [1, 1, 1], [1, 0, 0]),
        (2, [1, 1, 1], [1, 1, 0]),
        (-2, [1, 1, 1], [-1, -1, 0]),
        (100, [0, 1, 0], [0, 100, 0]),
        (10, [Fraction(1, 3), Fraction(2, 3)], [3, 7]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
    ],
)
def test_shares_by_largest_remainder(total: int, shares_by: list[int], shares: list[int]):
    """What is left goes to the largest remainders, ties to the lower index."""
    assert share_largest_remainder(total, shares_by) == shares


@given(st.integers(-(10**15), 10**15), weights)
def test_shares_sum_to_the_total(total: int, shares_by: list[Fraction]):
    """No unit is lost or made; each share is its exact part rounded up or down; nothing has no share."""
    whole = sum(shares_by)
    if whole == 0:
        return

    shares = share_largest_remainder(total, shares_by)

    assert sum(shares) == total
    assert all(abs(share - total * weight / whole) < 1 for share, weight in zip(shares, shares_by, strict=True))
    assert all(share == 0 for share, weight in zip(shares, shares_by, strict=True) if weight == 0)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_a_share_never_exceeds_what_it_reduces(total: int, amounts: list[int]):
    """A discount up to the sum leaves no line below zero."""
    total = min(total, sum(amounts))
    if not any(amounts):
        return

    shares = share_largest_remainder(total, amounts)

    assert all(0 <= share <= amount for share, amount in zip(shares, amounts, strict=True))


@pytest.mark.parametrize(("total", "shares_by"), [(1, []), (1, [0, 0]), (1, [-1, 2])])
def test_refuses_weights_that_share_nothing(total: int, shares_by: list[int]):
    """An amount needs somebody to go to, and nobody takes a negative part."""
    with pytest.raises(ValueError, match="weights"):
        share_largest_remainder(total, shares_by)


@given(st.lists(rationals, min_size=1, max_size=8))
def test_apportion_rounds_parts_to_their_sum(parts: list[Fraction]):
    """Exact parts become integers next to them that sum to the rounded sum."""
    total = round_half_away(sum(parts, Fraction(0)))

    rounded = apportion(total, parts)

    assert sum(rounded) == total
    assert all(abs(whole - part) < 1 or whole == part for whole, part in zip(rounded, parts, strict=True))


def test_apportion_refuses_a_total_of_others():
    """A total that is no rounding of the parts' sum is a mistake of the caller."""
    with pytest.raises(ValueError, match="does not belong"):
        apportion(5, [Fraction(1, 2)])
    with pytest.raises(ValueError, match="does not belong"):
        apportion(-1, [Fraction(1, 2)])
