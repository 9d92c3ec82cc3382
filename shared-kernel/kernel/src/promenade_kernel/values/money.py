"""Currencies, amounts and rates. Amounts are integers of minor units; no binary float, ever."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Self

import iso4217
import msgspec

from promenade_kernel.values.errors import CurrencyMismatch, InvalidValue
from promenade_kernel.values.text import TextValue

MAXIMUM = 10**15
"""Amounts are below this and above its negative: exact in JSON everywhere, and sums of them in bigint."""

_DIGITS = frozenset({"0", "2", "3"})
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,6})?")


def _exponents() -> dict[str, int | None]:
    """Read the ISO 4217 list: active codes to digits; None for those that are no money one can pay with."""
    listed: dict[str, int | None] = {}
    for entry in iso4217.raw_xml.iterfind("CcyTbl/CcyNtry"):
        code, name, digits = entry.findtext("Ccy"), entry.find("CcyNm"), entry.findtext("CcyMnrUnts")
        if code is None or name is None or digits is None:
            continue
        # Funds are marked; metals, test codes and units of account have no digits; CLF and UYW have four.
        usable = name.get("IsFund") != "true" and digits.strip() in _DIGITS
        listed[code.strip()] = int(digits) if usable else None
    return listed


_EXPONENTS = _exponents()


class Currency(TextValue):
    """An active ISO 4217 currency in upper case, with 0, 2 or 3 digits; no funds, metals or test codes."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if text not in _EXPONENTS:
            raise InvalidValue("unknown-currency", "A currency is an active ISO 4217 code in upper case.")
        if _EXPONENTS[text] is None:
            raise InvalidValue("unsupported-currency", f"{text} is a fund, metal, test or accounting code.")
        return text

    @property
    def exponent(self) -> int:
        """The digits of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD."""
        exponent = _EXPONENTS[self]
        if exponent is None:
            raise InvalidValue("unsupported-currency", f"{self} has no minor unit.")
        return exponent


CURRENCIES = frozenset(Currency.trusted(code) for code, exponent in _EXPONENTS.items() if exponent is not None)
"""Every currency that amounts may have."""


class Money(msgspec.Struct, frozen=True):
    """An amount of minor units (cents, yen, fils) in one currency; |amount| < 10^15.

    Arithmetic and comparison need one currency on both sides, else `CurrencyMismatch`.
    """

    amount: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1 - MAXIMUM, "maximum": MAXIMUM - 1})]
    currency: Currency

    def __post_init__(self) -> None:
        if type(self.amount) is not int:
            raise InvalidValue("invalid-amount", "An amount is an integer of minor units.", "/amount")
        if not -MAXIMUM < self.amount < MAXIMUM:
            raise InvalidValue("amount-out-of-range", "An amount is below 10^15 minor units.", "/amount")
        if not isinstance(self.currency, Currency):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValue("invalid-currency", "An amount needs a Currency.", "/currency")

    @classmethod
    def of(cls, amount: int, currency: str) -> Self:
        """Make an amount from the currency's code: `Money.of(1250, "EUR")` is 12.50 euro."""
        return cls(amount, Currency(currency))

    @classmethod
    def zero(cls, currency: Currency) -> Self:
        """Nothing, in this currency."""
        return cls(0, currency)

    @classmethod
    def sum(cls, amounts: Iterable["Money"], currency: Currency) -> Self:
        """Add up any number of amounts of this currency."""
        total = 0
        for money in amounts:
            if money.currency != currency:
                raise CurrencyMismatch(currency, money.currency)
            total += money.amount
        return cls(total, currency)

    def times(self, count: int) -> "Money":
        """The amount taken `count` times."""
        if type(count) is not int:
            raise TypeError("an amount is multiplied by an integer; use Fraction and round_half_away for rates")
        return Money(self.amount * count, self.currency)

    @property
    def decimal(self) -> str:
        """The amount in major units with all its digits, without the currency: `-12.50`."""
        exponent = self.currency.exponent
        digits = str(abs(self.amount)).rjust(exponent + 1, "0")
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def _same(self, other: "Money") -> int:
        if not isinstance(other, Money):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"an amount meets only amounts, not {type(other).__name__}")
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount


class _Decimal(TextValue):
    """A decimal text that keeps the spelling it came in; compare and group by `fraction`."""

    __slots__ = ()

    @property
    def fraction(self) -> Fraction:
        """The exact factor to multiply an amount with."""
        raise NotImplementedError


class Rate(_Decimal):
    """A tax rate from `"0"` to `"1"`, at most 6 places: `"0.19"` is nineteen percent."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$",
        "examples": ["0.19"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        if not _DECIMAL.fullmatch(text) or Fraction(text) > 1:
            raise InvalidValue("invalid-rate", 'A rate is a decimal text from "0" to "1" with at most 6 places.')
        return text

    @property
    def fraction(self) -> Fraction:
        return Fraction(self)


class Percent(_Decimal):
    """A percentage from `"0"` to `"100"`, at most 6 places: `"10"` is ten percent."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^((0|[1-9][0-9]?)(\.[0-9]{1,6})?|100(\.0{1,6})?)$",
        "examples": ["10"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        if not _DECIMAL.fullmatch(text) or Fraction(text) > 100:
            raise InvalidValue("invalid-percent", 'A percentage is a decimal text from "0" to "100", at most 6 places.')
        return text

    @property
    def fraction(self) -> Fraction:
        return Fraction(self) / 100
