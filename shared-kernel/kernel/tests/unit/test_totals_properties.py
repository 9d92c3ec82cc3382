"""What holds for every cart."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from promenade_kernel.values.money import CURRENCIES, Currency, Money, Percent, Rate
from promenade_kernel.values.rounding import round_half_away
from promenade_kernel.values.totals import CartLine, CartTotals, Discount, Shipping, compute_totals, part_of

RATES = ["0", "0.07", "0.19", "0.2", "0.20", "0.055", "0.333333", "0.000001", "1"]
rates = st.sampled_from(RATES).map(Rate)
percents = st.integers(0, 10_000).map(lambda hundredths: Percent(f"{hundredths // 100}.{hundredths % 100:02d}"))


class Cart:
    """Everything a cart's totals depend on."""

    def __init__(
        self,
        currency: Currency,
        lines: list[CartLine],
        discount: Discount | None,
        shipping: Shipping | None,
        tax_inclusive: bool,
    ) -> None:
        self.currency = currency
        self.lines = lines
        self.discount = discount
        self.shipping = shipping
        self.tax_inclusive = tax_inclusive

    def totals(self) -> CartTotals:
        """Compute them."""
        return compute_totals(
            self.currency,
            self.lines,
            tax_inclusive=self.tax_inclusive,
            discount=self.discount,
            shipping=self.shipping,
        )


@st.composite
def discounts(draw: st.DrawFn, currency: Currency, reduces: int) -> Discount | None:
    """No discount, a percentage, or an amount that is not too large."""
    match draw(st.sampled_from(["none", "percent", "amount"])):
        case "none":
            return None
        case "percent":
            return Discount(percent=draw(percents))
        case _:
            return Discount(amount=Money(draw(st.integers(0, reduces)), currency))


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    """Any cart that can be charged."""
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    lines: list[CartLine] = []
    for _ in range(draw(st.integers(0, 7))):
        quantity, price = draw(st.integers(1, 50)), draw(st.integers(0, 10**6))
        discount = draw(discounts(currency, quantity * price))
        unit_price, rate = Money(price, currency), draw(rates)
        lines.append(CartLine(quantity=quantity, unit_price=unit_price, tax_rate=rate, discount=discount))
    bare = compute_totals(currency, lines, tax_inclusive=True).totals
    discount = draw(discounts(currency, bare.subtotal.amount - bare.discount.amount))
    price = Money(draw(st.integers(0, 10**5)), currency)
    shipping = Shipping(name="Standard", price=price, tax_rate=draw(rates)) if draw(st.booleans()) else None
    return Cart(currency, lines, discount, shipping, draw(st.booleans()))


@given(carts())
def test_any_cart_adds_up(cart: Cart):
    """Lines, shipping and taxes sum to the totals, to the unit, in every currency."""
    whole = cart.totals()

    totals, currency = whole.totals, cart.currency
    shipping_tax = whole.shipping.tax if whole.shipping else Money.zero(currency)
    nets = Money.sum((line.net for line in whole.lines), currency)
    assert totals.subtotal == Money.sum((line.gross for line in whole.lines), currency)
    assert totals.discount == Money.sum((line.discount for line in whole.lines), currency)
    assert totals.tax == Money.sum((line.tax for line in whole.lines), currency) + shipping_tax
    assert totals.tax == Money.sum((row.tax for row in totals.taxes), currency)
    assert nets + totals.shipping == Money.sum((row.base for row in totals.taxes), currency)
    assert totals.total == nets + totals.shipping + totals.tax
    price = cart.shipping.price if cart.shipping else Money.zero(currency)
    before_tax = totals.subtotal - totals.discount + price
    assert before_tax == (totals.total if cart.tax_inclusive else totals.total - totals.tax)


@given(carts())
def test_every_line_is_right_by_itself(cart: Cart):
    """No line is below zero; its tax is its exact tax rounded up or down."""
    whole = cart.totals()

    for asked, line in zip(cart.lines, whole.lines, strict=True):
        assert line.gross == asked.unit_price.times(asked.quantity)
        assert line.total == line.net + line.tax
        assert min(line.net.amount, line.tax.amount, line.order_discount.amount) >= 0
        assert line.order_discount <= line.discount <= line.gross
        base = line.gross - line.discount
        assert base == (line.total if cart.tax_inclusive else line.net)
        rate = asked.tax_rate.fraction
        exact = base.amount * rate / (1 + rate) if cart.tax_inclusive else base.amount * rate
        assert abs(line.tax.amount - exact) < 1


@given(carts())
def test_every_rate_is_taxed_as_one(cart: Cart):
    """A group's tax is the rounded tax of its sum, never a sum of rounded taxes."""
    whole = cart.totals()

    bases: dict[Fraction, int] = {}
    for asked, line in zip(cart.lines, whole.lines, strict=True):
        base = line.gross.amount - line.discount.amount
        bases[asked.tax_rate.fraction] = bases.get(asked.tax_rate.fraction, 0) + base
    if cart.shipping:
        rate = cart.shipping.tax_rate.fraction
        bases[rate] = bases.get(rate, 0) + cart.shipping.price.amount
    expected = {
        rate: base - round_half_away(base / (1 + rate)) if cart.tax_inclusive else round_half_away(base * rate)
        for rate, base in bases.items()
    }
    assert {row.rate.fraction: row.tax.amount for row in whole.totals.taxes} == expected


@given(carts())
def test_computing_twice_gives_the_same(cart: Cart):
    """Preview and commit, orders and billing: the same inputs cost the same."""
    assert cart.totals() == cart.totals()


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 30), min_size=1, max_size=20))
def test_any_split_of_a_refund_sums_to_the_whole(amount: int, counts: list[int]):
    """However units are cancelled and returned, their parts sum to the line, and never change sign."""
    quantity = sum(counts)
    if quantity == 0:
        return
    total = Money.of(amount, "EUR")

    done, parts = 0, list[Money]()
    for count in counts:
        parts.append(part_of(total, quantity, done, count))
        done += count

    assert sum(part.amount for part in parts) == amount
    assert all(part.amount * amount >= 0 for part in parts)
    assert all(
        abs(part.amount - Fraction(amount * count, quantity)) <= 1 for part, count in zip(parts, counts, strict=True)
    )


@given(carts(), st.data())
def test_refunding_every_line_in_parts_returns_the_order(cart: Cart, data: st.DataObject):
    """Net and tax apart, line by line, in any split: the refunds sum to what the lines cost."""
    whole = cart.totals()
    refunded = Money.zero(cart.currency)

    for asked, line in zip(cart.lines, whole.lines, strict=True):
        first = data.draw(st.integers(0, asked.quantity))
        for amount in (line.net, line.tax):
            refunded += part_of(amount, asked.quantity, 0, first)
            refunded += part_of(amount, asked.quantity, first, asked.quantity - first)

    assert refunded == Money.sum((line.total for line in whole.lines), cart.currency)
