"""What carts cost: the checks of the design, and every rule by an example."""

from typing import Any

import pytest
from promenade_kernel.values import codec
from promenade_kernel.values.errors import CurrencyMismatch, InvalidValue
from promenade_kernel.values.money import Currency, Money, Percent, Rate
from promenade_kernel.values.totals import (
    CartLine,
    CartTotals,
    Discount,
    LineTotals,
    NetTotals,
    Shipping,
    TaxLine,
    Totals,
    compute_totals,
    part_of,
)

EUR = Currency("EUR")


def eur(amount: int) -> Money:
    """So many cents."""
    return Money(amount, EUR)


def line(amount: int, quantity: int = 1, rate: str = "0", discount: Discount | None = None) -> CartLine:
    """A line in euro."""
    return CartLine(quantity=quantity, unit_price=eur(amount), tax_rate=Rate(rate), discount=discount)


def cart(*lines: CartLine, tax_inclusive: bool = False, **options: Any) -> CartTotals:
    """The totals of lines in euro."""
    return compute_totals(EUR, lines, tax_inclusive=tax_inclusive, **options)


def test_three_at_1_23_with_20_percent_cost_4_43():
    """The first check of the design: 3.69 and 0.74 tax."""
    totals = cart(line(123, 3, "0.20")).totals

    assert (totals.subtotal, totals.tax, totals.total) == (eur(369), eur(74), eur(443))
    assert totals.taxes == (TaxLine(rate=Rate("0.20"), base=eur(369), tax=eur(74)),)


@pytest.mark.parametrize(
    ("prices", "off", "shares"), [([4000, 2000, 2000], 300, [150, 75, 75]), ([1000] * 3, 299, [100, 100, 99])]
)
def test_an_orders_discount_is_spread(prices: list[int], off: int, shares: list[int]):
    """The second and third check of the design: largest remainder, ties to the lower line."""
    whole = cart(*(line(price) for price in prices), discount=Discount(amount=eur(off)))

    assert [each.order_discount.amount for each in whole.lines] == shares
    assert [each.discount.amount for each in whole.lines] == shares
    assert whole.totals.discount == eur(off)
    assert whole.totals.total == eur(sum(prices) - off)


def test_2_99_including_4_percent_are_2_88_and_0_11():
    """The fourth check of the design: tax is taken out of an inclusive price."""
    whole = cart(line(299, rate="0.04"), tax_inclusive=True)

    assert (whole.lines[0].net, whole.lines[0].tax, whole.lines[0].total) == (eur(288), eur(11), eur(299))
    assert whole.totals.subtotal == eur(299)
    assert whole.totals.total == eur(299)
    assert whole.totals.taxes == (TaxLine(rate=Rate("0.04"), base=eur(288), tax=eur(11)),)


def test_999_yen_at_10_percent_have_100_yen_tax():
    """The fifth check of the design: half away from zero, in a currency without digits."""
    yen = Currency("JPY")
    cart_line = CartLine(quantity=1, unit_price=Money(999, yen), tax_rate=Rate("0.1"))

    assert compute_totals(yen, [cart_line], tax_inclusive=False).totals.tax == Money(100, yen)


def test_a_lines_discount_comes_before_the_orders():
    """Ten percent off the line, then ten percent off what is left."""
    ten = Discount(percent=Percent("10"))

    whole = cart(line(1000, 2, "0.2", discount=ten), discount=ten)

    only = whole.lines[0]
    assert (only.gross, only.discount, only.order_discount, only.net) == (eur(2000), eur(380), eur(180), eur(1620))
    assert whole.totals.discount == eur(380)
    assert whole.totals.tax == eur(324)


def test_percentages_round_half_away():
    """Five percent of 0.10 are half a cent, so one."""
    assert cart(line(10, discount=Discount(percent=Percent("5")))).totals.discount == eur(1)


def test_tax_is_computed_by_group_and_shared_by_lines():
    """Three lines of 0.03 at 20 % owe 0.018: two cents, to the first two."""
    whole = cart(line(3, rate="0.2"), line(3, rate="0.2"), line(3, rate="0.2"))

    assert whole.totals.tax == eur(2)
    assert [each.tax.amount for each in whole.lines] == [1, 1, 0]


def test_a_groups_tax_goes_by_remainders_of_the_unrounded_taxes():
    """Unrounded 100, 0.3 and 0.3 make 101: the cent goes where a remainder is, not to the largest line."""
    whole = cart(line(1000, rate="0.1"), line(3, rate="0.1"), line(3, rate="0.1"))

    assert [each.tax.amount for each in whole.lines] == [100, 1, 0]


def test_equal_rates_are_one_group_however_spelled():
    """ "0.2" and "0.20" are one rate; the first spelling stands for it."""
    whole = cart(line(3, rate="0.2"), line(3, rate="0.20"), line(3, rate="0.200000"))

    assert whole.totals.taxes == (TaxLine(rate=Rate("0.2"), base=eur(9), tax=eur(2)),)


def test_taxes_are_listed_by_rate():
    """Each rate has one row, also nought, in ascending order."""
    whole = cart(line(1000, rate="0.19"), line(1000, rate="0"), line(1000, rate="0.07"))

    assert [(row.rate, row.tax.amount) for row in whole.totals.taxes] == [("0", 0), ("0.07", 70), ("0.19", 190)]


def test_shipping_is_taxed_but_never_discounted():
    """Shipping joins its rate's group and stays out of the discount."""
    shipping = Shipping(name="Standard", price=eur(500), tax_rate=Rate("0.2"))

    whole = cart(line(1000, rate="0.2"), discount=Discount(percent=Percent("100")), shipping=shipping)

    assert whole.shipping == NetTotals(net=eur(500), tax=eur(100), total=eur(600))
    assert whole.totals.shipping == eur(500)
    assert whole.totals.total == eur(600)
    assert whole.lines[0].total == eur(0)


def test_shipping_is_the_last_line_of_its_group():
    """On a tie the cent goes to the line, not to shipping."""
    shipping = Shipping(name="Standard", price=eur(3), tax_rate=Rate("0.2"))

    whole = cart(line(3, rate="0.2"), shipping=shipping)

    assert whole.lines[0].tax == eur(1)
    assert whole.shipping is not None
    assert whole.shipping.tax == eur(0)


def test_shipping_follows_tax_inclusive():
    """With inclusive prices shipping's price contains its tax."""
    shipping = Shipping(name="Standard", price=eur(120), tax_rate=Rate("0.2"))

    whole = cart(line(240, rate="0.2"), tax_inclusive=True, shipping=shipping)

    assert whole.shipping == NetTotals(net=eur(100), tax=eur(20), total=eur(120))
    assert (whole.totals.shipping, whole.totals.tax, whole.totals.total) == (eur(100), eur(60), eur(360))


def test_an_empty_cart_costs_nothing():
    """A draft may have no lines yet."""
    whole = cart()

    zero = eur(0)
    assert whole.totals == Totals(subtotal=zero, discount=zero, shipping=zero, tax=zero, total=zero, taxes=())


@pytest.mark.parametrize(
    ("lines", "options", "code", "pointer"),
    [
        ([line(100, discount=Discount(amount=eur(101)))], {}, "discount-too-large", "/lines/0/discount"),
        ([line(100), line(50)], {"discount": Discount(amount=eur(151))}, "discount-too-large", "/discount"),
        ([], {"discount": Discount(amount=eur(1))}, "discount-too-large", "/discount"),
        ([line(1), line(-1)], {}, "negative-amount", "/lines/1/unit_price"),
        (
            [line(1)],
            {"shipping": Shipping(name="x", price=eur(-1), tax_rate=Rate("0"))},
            "negative-amount",
            "/shipping/price",
        ),
        ([line(10**14, 10)], {}, "amount-out-of-range", "/lines/0"),
        ([line(10**14, 6), line(10**14, 6)], {}, "amount-out-of-range", "/amount"),
    ],
)
def test_refuses(lines: list[CartLine], options: dict[str, Any], code: str, pointer: str):
    """What cannot be charged is refused, and the fault points into the cart."""
    with pytest.raises(InvalidValue) as caught:
        cart(*lines, **options)

    assert (caught.value.code, caught.value.pointer) == (code, pointer)


def test_a_discount_may_take_everything():
    """The whole amount is the largest discount."""
    assert cart(line(100, rate="0.2"), discount=Discount(amount=eur(100))).totals.total == eur(0)


def test_currencies_never_mix():
    """A price, discount or shipping in another currency is refused where it stands."""
    dollars = Money.of(1, "USD")
    other = CartLine(quantity=1, unit_price=dollars, tax_rate=Rate("0"))

    for pointer, lines, options in (
        ("/lines/0/unit_price", [other], {}),
        ("/lines/0/discount/amount", [line(1, discount=Discount(amount=dollars))], {}),
        ("/discount/amount", [line(1)], {"discount": Discount(amount=dollars)}),
        ("/shipping/price", [line(1)], {"shipping": Shipping(name="x", price=dollars, tax_rate=Rate("0"))}),
    ):
        with pytest.raises(CurrencyMismatch) as caught:
            cart(*lines, **options)
        assert caught.value.pointer == pointer


def test_an_invoice_may_give_back():
    """A proration's credit is a line below zero, where that is allowed."""
    whole = cart(line(-6667, rate="0.2"), line(20000, rate="0.2"), allow_credits=True)

    assert whole.totals.total == eur(13333 + 2667)
    assert whole.lines[0].tax < eur(0)


def test_what_gives_back_is_not_discounted():
    """An order's discount goes to the lines that cost something."""
    whole = cart(line(-100), line(300), discount=Discount(amount=eur(50)), allow_credits=True)

    assert [each.order_discount.amount for each in whole.lines] == [0, 50]


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 1.0, True, "1"])
def test_quantities_are_counts(quantity: Any):
    """A quantity is an integer from 1 to 1,000,000."""
    with pytest.raises(InvalidValue) as caught:
        line(1, quantity)

    assert (caught.value.code, caught.value.pointer) == ("invalid-quantity", "/quantity")


def test_a_discount_is_an_amount_or_a_percentage():
    """Neither, both and negative ones are refused."""
    with pytest.raises(InvalidValue, match="either"):
        Discount()
    with pytest.raises(InvalidValue, match="either"):
        Discount(amount=eur(1), percent=Percent("1"))
    with pytest.raises(InvalidValue, match="negative"):
        Discount(amount=eur(-1))


def test_a_discount_reads_as_the_api_writes_it():
    """Only what is set is written."""
    assert codec.encode(Discount(percent=Percent("10"))) == b'{"percent":"10"}'
    assert codec.to_plain(Discount(amount=eur(5))) == {"amount": {"amount": 5, "currency": "EUR"}}
    assert codec.decode(b'{"percent": "10"}', Discount) == Discount(percent=Percent("10"))


def test_totals_that_do_not_add_up_cannot_exist():
    """The sum rule is asserted wherever a cart's totals are made."""
    zero, one = eur(0), eur(1)
    only = LineTotals(gross=one, discount=zero, order_discount=zero, net=one, tax=zero, total=one)
    wrong = Totals(subtotal=one, discount=zero, shipping=zero, tax=zero, total=zero, taxes=())

    with pytest.raises(AssertionError):
        CartTotals(lines=(only,), shipping=None, totals=wrong)


def test_parts_are_differences_of_roundings():
    """A third of 1.00, three times: 0.33, 0.34, 0.33."""
    assert [part_of(eur(100), 3, done, 1).amount for done in range(3)] == [33, 34, 33]
    assert part_of(eur(100), 3, 0, 3) == eur(100)
    assert part_of(eur(100), 3, 1, 0) == eur(0)


@pytest.mark.parametrize(("quantity", "done", "count"), [(3, 0, 4), (3, 3, 1), (3, -1, 1), (3, 0, -1), (0, 0, 0)])
def test_parts_beyond_the_rest_are_refused(quantity: int, done: int, count: int):
    """Nothing is refunded twice."""
    with pytest.raises(InvalidValue) as caught:
        part_of(eur(100), quantity, done, count)

    assert caught.value.code == "quantity-exceeds-rest"
