"""What a cart costs: the one computation that orders and billing share, exact to the unit.

1. The digits of a currency are ISO 4217's. 2. One rounding: half away from zero, on exact rationals. 3. gross = unit
price x quantity; discounted = gross - the line's discount. 4. The discount of the order is spread over the discounted
amounts by largest remainder; base = discounted - share. 5. Tax is computed per group of equal rates: exclusive
round(base x rate); inclusive net = round(base / (1 + rate)), tax = base - net.
6. A group's tax goes to its lines by largest remainder on their unrounded taxes. 7. net is after all discounts and
without tax. Shipping is never discounted and is the last line of its rate's group.
8. A part of a line is a difference of roundings, so that all parts sum to the whole (`part_of`).
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

import msgspec

from promenade_kernel.values.errors import CurrencyMismatch, InvalidValue
from promenade_kernel.values.money import MAXIMUM, Currency, Money, Percent, Rate
from promenade_kernel.values.rounding import apportion, round_half_away, share_largest_remainder

MAXIMUM_QUANTITY = 1_000_000


class Discount(msgspec.Struct, frozen=True, omit_defaults=True):
    """Either an amount or a percentage off, never both."""

    amount: Money | None = None
    percent: Percent | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.percent is None):
            raise InvalidValue("invalid-discount", "A discount is either an amount or a percentage.")
        if self.amount is not None and self.amount.amount < 0:
            raise InvalidValue("negative-amount", "A discount must not be negative.", "/amount")


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """What a line's totals depend on. `discount` is the line's own."""

    quantity: Annotated[int, msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": MAXIMUM_QUANTITY})]
    unit_price: Money
    tax_rate: Rate
    discount: Discount | None = None

    def __post_init__(self) -> None:
        if type(self.quantity) is not int or not 1 <= self.quantity <= MAXIMUM_QUANTITY:
            raise InvalidValue("invalid-quantity", "A quantity is an integer from 1 to 1,000,000.", "/quantity")


class Shipping(msgspec.Struct, frozen=True, kw_only=True):
    """How the goods travel and what that costs."""

    name: str
    price: Money
    tax_rate: Rate


class LineTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What a line comes to; `discount` is its own and `order_discount`, its share of the order's, together."""

    gross: Money
    discount: Money
    order_discount: Money
    net: Money
    tax: Money
    total: Money


class NetTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What shipping comes to: net + tax = total."""

    net: Money
    tax: Money
    total: Money


class TaxLine(msgspec.Struct, frozen=True, kw_only=True):
    """The tax of one rate: `base` is the net amount it is charged on, also where prices include tax."""

    rate: Rate
    base: Money
    tax: Money


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole comes to: total = sum of the lines' net + shipping (net) + tax."""

    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    taxes: tuple[TaxLine, ...]


class CartTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Every line's totals in the order of the lines, shipping's if there is any, and the whole. They add up."""

    lines: tuple[LineTotals, ...]
    shipping: NetTotals | None
    totals: Totals

    def __post_init__(self) -> None:
        whole, currency = self.totals, self.totals.total.currency
        parts: list[LineTotals | NetTotals] = [*self.lines, *([self.shipping] if self.shipping else [])]
        nets = Money.sum((part.net for part in parts), currency)
        taxes = Money.sum((part.tax for part in parts), currency)
        if not taxes == whole.tax == Money.sum((row.tax for row in whole.taxes), currency):
            raise AssertionError("the taxes of a cart do not add up")
        if nets + taxes != whole.total:
            raise AssertionError("the totals of a cart do not add up")


def compute_totals(
    currency: Currency,
    lines: Sequence[CartLine],
    *,
    tax_inclusive: bool,
    discount: Discount | None = None,
    shipping: Shipping | None = None,
    allow_credits: bool = False,
) -> CartTotals:
    """Compute what a cart costs.

    Every amount must be in `currency` (else `CurrencyMismatch`). A discount above what it reduces is
    `discount-too-large`; a negative price is `negative-amount`, on a line unless `allow_credits` (an invoice that gives
    something back). Faults point into the cart: `/lines/0/discount`, `/discount`, `/shipping/price`.
    """
    gross = [_gross(currency, line, f"/lines/{index}", allow_credits) for index, line in enumerate(lines)]
    own = [
        _reduction(currency, line.discount, whole, f"/lines/{index}/discount")
        for index, (line, whole) in enumerate(zip(lines, gross, strict=True))
    ]
    discounted = [whole - less for whole, less in zip(gross, own, strict=True)]
    shares = _spread(_reduction(currency, discount, sum(discounted), "/discount"), discounted)
    bases = [whole - share for whole, share in zip(discounted, shares, strict=True)]
    rates = [line.tax_rate for line in lines]
    if shipping is not None:
        bases.append(_price(currency, shipping.price, "/shipping/price"))
        rates.append(shipping.tax_rate)
    taxed = _tax(currency, bases, rates, tax_inclusive)
    freight = taxed[-1] if shipping is not None else None
    return CartTotals(
        lines=tuple(_line(*parts) for parts in zip(gross, own, shares, taxed[: len(lines)], strict=True)),
        shipping=freight,
        totals=Totals(
            subtotal=Money(sum(gross), currency),
            discount=Money(sum(own) + sum(shares), currency),
            shipping=freight.net if freight else Money.zero(currency),
            tax=Money.sum((part.tax for part in taxed), currency),
            total=Money.sum((part.total for part in taxed), currency),
            taxes=_tax_lines(currency, rates, taxed),
        ),
    )


def part_of(total: Money, quantity: int, done: int, count: int) -> Money:
    """The part of a line's amount that `count` of its `quantity` units make, when `done` were taken before.

    For net and tax apart; the parts of any split sum to the whole. More than is left is `quantity-exceeds-rest`.
    """
    if quantity < 1 or done < 0 or count < 0 or done + count > quantity:
        raise InvalidValue("quantity-exceeds-rest", f"{count} of {quantity} units cannot follow {done}.")
    before, after = (round_half_away(Fraction(total.amount * units, quantity)) for units in (done, done + count))
    return Money(after - before, total.currency)


def _gross(currency: Currency, line: CartLine, pointer: str, allow_credits: bool) -> int:
    gross = _price(currency, line.unit_price, f"{pointer}/unit_price", allow_negative=allow_credits) * line.quantity
    if abs(gross) >= MAXIMUM:
        raise InvalidValue("amount-out-of-range", "A line's amount is below 10^15 minor units.", pointer)
    return gross


def _price(currency: Currency, price: Money, pointer: str, *, allow_negative: bool = False) -> int:
    if price.currency != currency:
        raise CurrencyMismatch(currency, price.currency, pointer)
    if price.amount < 0 and not allow_negative:
        raise InvalidValue("negative-amount", "A price must not be negative.", pointer)
    return price.amount


def _reduction(currency: Currency, discount: Discount | None, reduces: int, pointer: str) -> int:
    if discount is None:
        return 0
    less = 0
    if discount.amount is not None:
        less = _price(currency, discount.amount, f"{pointer}/amount")
    elif discount.percent is not None:
        less = round_half_away(reduces * discount.percent.fraction)
    if not 0 <= less <= max(reduces, 0):
        raise InvalidValue("discount-too-large", "A discount must not exceed what it reduces.", pointer)
    return less


def _spread(discount: int, discounted: Sequence[int]) -> list[int]:
    if discount == 0:
        return [0] * len(discounted)
    # What gives money back is not discounted.
    return share_largest_remainder(discount, [max(amount, 0) for amount in discounted])


def _tax(currency: Currency, bases: Sequence[int], rates: Sequence[Rate], tax_inclusive: bool) -> list[NetTotals]:
    taxes = [0] * len(bases)
    for rate, members in _groups(rates).items():
        base = sum(bases[index] for index in members)
        if tax_inclusive:
            group_tax = base - round_half_away(Fraction(base, 1 + rate))
            exact = [Fraction(bases[index] * rate, 1 + rate) for index in members]
        else:
            group_tax = round_half_away(base * rate)
            exact = [bases[index] * rate for index in members]
        for index, tax in zip(members, apportion(group_tax, exact), strict=True):
            taxes[index] = tax
    nets = [base - tax if tax_inclusive else base for base, tax in zip(bases, taxes, strict=True)]
    pairs = [(Money(net, currency), Money(tax, currency)) for net, tax in zip(nets, taxes, strict=True)]
    return [NetTotals(net=net, tax=tax, total=net + tax) for net, tax in pairs]


def _groups(rates: Sequence[Rate]) -> dict[Fraction, list[int]]:
    # "0.2" and "0.20" are one rate, and one group.
    groups: dict[Fraction, list[int]] = {}
    for index, rate in enumerate(rates):
        groups.setdefault(rate.fraction, []).append(index)
    return dict(sorted(groups.items()))


def _tax_lines(currency: Currency, rates: Sequence[Rate], taxed: Sequence[NetTotals]) -> tuple[TaxLine, ...]:
    return tuple(
        TaxLine(
            rate=rates[members[0]],
            base=Money.sum((taxed[index].net for index in members), currency),
            tax=Money.sum((taxed[index].tax for index in members), currency),
        )
        for members in _groups(rates).values()
    )


def _line(gross: int, own: int, share: int, taxed: NetTotals) -> LineTotals:
    currency = taxed.net.currency
    return LineTotals(
        gross=Money(gross, currency),
        discount=Money(own + share, currency),
        order_discount=Money(share, currency),
        net=taxed.net,
        tax=taxed.tax,
        total=taxed.total,
    )
