"""Currencies, amounts and rates."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import iso4217
import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_kernel.values.errors import CurrencyMismatch, InvalidValue
from promenade_kernel.values.money import CURRENCIES, Currency, Money, Percent, Rate

EUR, JPY, KWD = Currency("EUR"), Currency("JPY"), Currency("KWD")
TWO_DIGITS = ["EUR", "USD", "GBP", "CHF", "CNY", "HUF", "IDR", "LAK", "MGA"]
ZERO_DIGITS = [
    "BIF",
    "CLP",
    "DJF",
    "GNF",
    "ISK",
    "JPY",
    "KMF",
    "KRW",
    "PYG",
    "RWF",
    "UGX",
    "VND",
    "VUV",
    "XAF",
    "XOF",
    "XPF",
]
THREE_DIGITS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
FUNDS = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"]
METALS_TESTS_AND_UNITS = ["XAG", "XAU", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD", "XDR", "XSU", "XTS", "XUA", "XXX"]
GONE = ["BGN", "ANG", "HRK", "CUC", "SLL", "ZWL", "VEF", "DEM", "ITL"]


def test_the_list_is_the_one_of_2026():
    """The package carries the list published on 2026-01-01."""
    assert str(iso4217.__published__) == "2026-01-01"


@pytest.mark.parametrize(
    ("codes", "exponent"),
    [(ZERO_DIGITS, 0), (THREE_DIGITS, 3), (TWO_DIGITS, 2)],
)
def test_exponents_are_those_of_iso_4217(codes: list[str], exponent: int):
    """Digits are the standard's, also where CLDR differs."""
    assert {code: Currency(code).exponent for code in codes} == dict.fromkeys(codes, exponent)


def test_every_listed_currency_has_0_2_or_3_digits():
    """The list splits into 16 currencies without, 133 with two and 7 with three digits."""
    digits = [Currency(code).exponent for code in CURRENCIES]

    assert {exponent: digits.count(exponent) for exponent in set(digits)} == {0: 16, 2: 133, 3: 7}
    assert {code for code in CURRENCIES if code.exponent == 0} == set(ZERO_DIGITS)
    assert {code for code in CURRENCIES if code.exponent == 3} == set(THREE_DIGITS)


@pytest.mark.parametrize("code", FUNDS + METALS_TESTS_AND_UNITS)
def test_refuses_codes_nobody_pays_with(code: str):
    """Funds, metals, test codes and units of account are no currencies here."""
    with pytest.raises(InvalidValue) as caught:
        Currency(code)

    assert caught.value.code == "unsupported-currency"


@pytest.mark.parametrize("code", ["eur", "Eur", " EUR", "EUR ", "EU", "EURO", "978", "€", "", "ZZZ", "ＥＵＲ", *GONE])
def test_refuses_other_spellings_and_former_currencies(code: str):
    """Only active codes in upper case are currencies."""
    with pytest.raises(InvalidValue) as caught:
        Currency(code)

    assert caught.value.code == "unknown-currency"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(1250, EUR), "12.50 EUR"),
        (Money(-5, EUR), "-0.05 EUR"),
        (Money(0, EUR), "0.00 EUR"),
        (Money(999, JPY), "999 JPY"),
        (Money(-999, JPY), "-999 JPY"),
        (Money(1, KWD), "0.001 KWD"),
        (Money(10**15 - 1, EUR), "9999999999999.99 EUR"),
    ],
)
def test_reads_in_major_units(amount: Money, text: str):
    """An amount prints with all digits of its currency."""
    assert str(amount) == text
    assert amount.decimal == text.partition(" ")[0]


@pytest.mark.parametrize("amount", [True, 1.0, "1", None, Fraction(1)])
def test_amounts_are_integers(amount: Any):
    """Booleans, floats and texts are no amounts."""
    with pytest.raises(InvalidValue) as caught:
        Money(amount, EUR)

    assert (caught.value.code, caught.value.pointer) == ("invalid-amount", "/amount")


@pytest.mark.parametrize("amount", [10**15, -(10**15), 10**30])
def test_amounts_are_below_ten_to_the_fifteen(amount: int):
    """Amounts stay within what every JSON reader holds exactly."""
    with pytest.raises(InvalidValue) as caught:
        Money(amount, EUR)

    assert caught.value.code == "amount-out-of-range"


def test_arithmetic_cannot_leave_the_range():
    """A result out of range is refused like an input."""
    with pytest.raises(InvalidValue):
        Money(10**15 - 1, EUR) + Money(1, EUR)
    with pytest.raises(InvalidValue):
        Money(10**14, EUR).times(10)


def test_needs_a_currency():
    """A text that was not validated is no currency."""
    with pytest.raises(InvalidValue) as caught:
        Money(1, "EUR")  # pyright: ignore[reportArgumentType]

    assert caught.value.pointer == "/currency"


def test_arithmetic():
    """Amounts add, subtract, negate and multiply by counts."""
    assert Money(5, EUR) + Money(7, EUR) == Money(12, EUR)
    assert Money(5, EUR) - Money(7, EUR) == Money(-2, EUR)
    assert -Money(5, EUR) == Money(-5, EUR)
    assert Money(123, EUR).times(3) == Money(369, EUR)
    assert Money.zero(EUR) == Money.of(0, "EUR")
    assert Money.sum([Money(1, EUR), Money(2, EUR)], EUR) == Money(3, EUR)
    assert Money.sum([], JPY) == Money(0, JPY)


def test_ordering():
    """Amounts of one currency are ordered."""
    assert Money(1, EUR) < Money(2, EUR) <= Money(2, EUR)
    assert Money(3, EUR) > Money(2, EUR) >= Money(2, EUR)
    assert max(Money(1, EUR), Money(2, EUR)) == Money(2, EUR)


@pytest.mark.parametrize(
    "combine",
    [
        lambda left, right: left + right,
        lambda left, right: left - right,
        lambda left, right: left < right,
        lambda left, right: left <= right,
        lambda left, right: left > right,
        lambda left, right: left >= right,
        lambda left, right: Money.sum([left, right], EUR),
    ],
)
def test_currencies_never_mix(combine: Callable[[Money, Money], object]):
    """Nothing is computed across currencies, not even with nothing."""
    with pytest.raises(CurrencyMismatch) as caught:
        combine(Money(1, EUR), Money(0, JPY))

    assert caught.value.code == "currency-mismatch"


def test_amounts_of_two_currencies_are_unequal():
    """Equality across currencies is false, never an error."""
    assert Money(0, EUR) != Money(0, JPY)
    assert Money(0, EUR) != 0


@pytest.mark.parametrize("other", [0, 1, 1.5, "1"])
def test_amounts_meet_amounts_only(other: Any):
    """A bare number has no currency."""
    with pytest.raises(TypeError):
        Money(1, EUR) + other
    with pytest.raises(TypeError):
        Money(1, EUR) < other  # noqa: B015


@pytest.mark.parametrize("count", [1.0, True, "2", Fraction(1, 2)])
def test_times_takes_counts_only(count: Any):
    """Multiplying by a rate is rounding's business."""
    with pytest.raises(TypeError):
        Money(1, EUR).times(count)


def test_is_an_immutable_key():
    """Equal amounts hash alike and never change."""
    assert {Money(1, EUR): "x"}[Money.of(1, "EUR")] == "x"
    with pytest.raises(AttributeError):
        Money(1, EUR).amount = 2  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("text", ["0", "1", "0.2", "0.20", "0.000001", "1.000000", "0.0", "0.999999"])
def test_rates(text: str):
    """A rate keeps its spelling and gives its exact fraction."""
    assert Rate(text) == text
    assert Rate(text).fraction == Fraction(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-0.1",
        "+0.1",
        "1.000001",
        "2",
        ".2",
        "0.",
        "00.2",
        "0.0000001",
        "1e-1",
        "0,2",
        " 0.2",
        "0.2\n",
        "20%",
        "1/5",
        "nan",
        "inf",
        "0x1",
        "0_1",
        "٠",
        "0.2٠",
        "-0",
    ],
)
def test_refuses_other_rates(text: str):
    """Signs, exponents, more than six places and other digits are refused."""
    with pytest.raises(InvalidValue) as caught:
        Rate(text)

    assert caught.value.code == "invalid-rate"


@pytest.mark.parametrize("text", ["0", "10", "100", "12.5", "100.000000", "0.000001"])
def test_percentages(text: str):
    """A percentage gives the fraction it stands for."""
    assert Percent(text).fraction == Fraction(text) / 100


@pytest.mark.parametrize("text", ["", "-1", "100.000001", "101", "1000", "010", "1e1", "10%", ".5", "0.0000001"])
def test_refuses_other_percentages(text: str):
    """Percentages go from 0 to 100 with at most six places."""
    with pytest.raises(InvalidValue) as caught:
        Percent(text)

    assert caught.value.code == "invalid-percent"


@given(st.integers(min_value=0, max_value=10**6))
def test_every_millionth_is_a_rate(millionths: int):
    """Each rate of six places is read exactly."""
    text = f"{millionths // 10**6}.{millionths % 10**6:06d}"

    assert Rate(text).fraction == Fraction(millionths, 10**6)


@given(st.integers(1 - 10**15, 10**15 - 1), st.sampled_from(sorted(CURRENCIES)))
def test_the_decimal_is_exact(amount: int, currency: Currency):
    """The printed amount is the amount."""
    assert Fraction(Money(amount, currency).decimal) * 10**currency.exponent == amount
