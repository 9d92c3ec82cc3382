"""What orders cost: however they are changed, everything adds up, and is what billing will compute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from order_entities import ADDRESS, DAY, EUR, NOW, cart, customer, draft, item
from promenade_chassis.ports import Invalid
from promenade_kernel.events.order_management import OrderCreated, OrderPlaced
from promenade_kernel.values.money import Currency, Money, Percent, Rate
from promenade_kernel.values.totals import Discount, Shipping, compute_totals
from promenade_order_management.order.entity import MAXIMUM_LINES, Cart, Item, Order

RATES = st.sampled_from([Rate("0"), Rate("0.04"), Rate("0.1"), Rate("0.10"), Rate("0.20"), Rate("1")])
PERCENTS = st.sampled_from([None, *(Discount(percent=Percent(text)) for text in ("0", "3", "33.333333", "100"))])


@st.composite
def items(draw: st.DrawFn) -> Item:
    """Any line, with a discount that it can bear."""
    quantity, price = draw(st.integers(1, 50)), draw(st.integers(0, 10_000))
    amount = st.integers(0, quantity * price).map(lambda less: Discount(amount=Money(less, EUR)))
    return item(
        quantity=quantity,
        unit_price=Money(price, EUR),
        tax_rate=draw(RATES),
        discount=draw(st.one_of(PERCENTS, amount)),
    )


@st.composite
def carts(draw: st.DrawFn) -> Cart:
    """Any cart."""
    shipping = st.builds(Shipping, name=st.just("Post"), price=st.integers(0, 5000).map(_euro), tax_rate=RATES)
    return Cart(
        currency=EUR,
        items=draw(st.lists(items(), max_size=6)),
        tax_inclusive=draw(st.booleans()),
        discount=draw(PERCENTS),
        shipping=draw(st.one_of(st.none(), shipping)),
    )


def _euro(amount: int) -> Money:
    return Money(amount, EUR)


def begun(wanted: Cart) -> Order:
    return Order.begin(wanted, NOW, user_id=customer().id)


def assert_adds_up(order: Order) -> None:
    """The rule of the design: the total is the lines' net, shipping and tax."""
    lines = [line.totals for line in order.lines]
    shipping_tax = order.shipping_totals.tax.amount if order.shipping_totals else 0
    totals = order.totals
    assert totals.subtotal.amount == sum(line.gross.amount for line in lines)
    assert totals.discount.amount == sum(line.discount.amount for line in lines)
    assert totals.tax.amount == sum(line.tax.amount for line in lines) + shipping_tax
    assert totals.tax.amount == sum(row.tax.amount for row in totals.taxes)
    assert totals.total.amount == sum(line.net.amount for line in lines) + totals.shipping.amount + totals.tax.amount
    assert all(line.item.quantity == line.units.open for line in order.lines)


@given(carts())
def test_any_order_adds_up(wanted: Cart) -> None:
    """Lines, taxes and shipping of any cart make its total."""
    assert_adds_up(begun(wanted))


@given(carts(), st.lists(st.tuples(st.sampled_from(["add", "change", "remove", "cart"]), items()), max_size=8))
def test_any_change_leaves_an_order_that_adds_up(wanted: Cart, changes: list[tuple[str, Item]]) -> None:
    """After any change the order is what it would be had it been begun so; a refused change changes nothing."""
    order = begun(wanted)

    for kind, new in changes:
        before = (order.lines, order.totals, order.discount, order.shipping)
        try:
            _change(order, kind, new)
        except Invalid:
            assert (order.lines, order.totals, order.discount, order.shipping) == before

    assert_adds_up(order)
    again = compute_totals(
        EUR,
        [line.item.as_cart_line() for line in order.lines],
        tax_inclusive=order.tax_inclusive,
        discount=order.discount,
        shipping=order.shipping,
    )
    assert again.totals == order.totals
    assert list(again.lines) == [line.totals for line in order.lines]


def _change(order: Order, kind: str, new: Item) -> None:
    if kind == "add":
        order.add_line(new, NOW)
    elif kind == "cart":
        order.set_cart(None, discount=Discount(amount=Money(100, EUR)), shipping=order.shipping, now=NOW)
    elif order.lines and kind == "change":
        order.change_line(order.lines[0].id, lambda _: new, NOW)
    elif order.lines:
        order.remove_line(order.lines[-1].id, NOW)


@given(carts().filter(lambda wanted: bool(wanted.items)))
def test_preview_created_and_placed_are_one(wanted: Cart) -> None:
    """What was previewed is what is created, what is placed, and what billing computes from the event's inputs."""
    preview = wanted.price()

    order = begun(wanted)
    created = order.recorded()[0]
    order.set_details(shipping_address=ADDRESS, billing_address=None, note=None, now=NOW)
    order.place(1, NOW, customer=None, pay_within=DAY)
    event = order.recorded()[1]

    assert isinstance(created, OrderCreated)
    assert isinstance(event, OrderPlaced)
    billed = compute_totals(
        event.currency,
        [line.as_cart_line() for line in event.lines],
        tax_inclusive=event.tax_inclusive,
        discount=event.discount,
        shipping=event.shipping.as_shipping() if event.shipping else None,
    )
    assert created.total == preview.totals.total
    assert order.totals == event.totals == billed.totals == preview.totals
    assert [(line.net, line.tax, line.total) for line in event.lines] == [
        (line.net, line.tax, line.total) for line in billed.lines
    ]


def test_a_line_keeps_its_id_when_others_change() -> None:
    """Clients hold on to ids: only lines that are replaced get new ones."""
    order = draft()
    first, second = (line.id for line in order.lines)

    order.change_line(second, lambda old: item(quantity=old.quantity + 1), NOW)
    added = order.add_line(item(), NOW)
    order.remove_line(first, NOW)

    assert [line.id for line in order.lines] == [second, added.id]


@pytest.mark.parametrize(
    ("wanted", "faults"),
    [
        pytest.param(
            cart(item(unit_price=Money(-1, EUR)), item(), item(unit_price=Money.of(1, "USD"))),
            [("/lines/0/unit_price", "negative-amount"), ("/lines/2/unit_price", "currency-mismatch")],
            id="two lines",
        ),
        pytest.param(
            cart(
                item(discount=Discount(amount=Money(2501, EUR))),
                shipping=Shipping(name="Post", price=Money(-1, EUR), tax_rate=Rate("0")),
            ),
            [("/lines/0/discount", "discount-too-large"), ("/shipping/price", "negative-amount")],
            id="line and shipping",
        ),
        pytest.param(
            cart(item(), discount=Discount(amount=Money(2501, EUR))),
            [("/discount", "discount-too-large")],
            id="order discount",
        ),
        pytest.param(
            cart(discount=Discount(amount=Money.of(1, "USD"))),
            [("/discount/amount", "currency-mismatch")],
            id="discount's currency",
        ),
        pytest.param(
            cart(item(quantity=1_000_000, unit_price=Money(10**10, EUR))),
            [("/lines/0", "amount-out-of-range")],
            id="huge",
        ),
        pytest.param(
            cart(*[item(quantity=1, unit_price=Money(6 * 10**14, EUR))] * 2), [("", "amount-out-of-range")], id="sum"
        ),
        pytest.param(cart(*[item()] * (MAXIMUM_LINES + 1)), [("/lines", "too-many-lines")], id="many"),
    ],
)
def test_every_fault_of_a_cart_is_named(wanted: Cart, faults: list[tuple[str, str]]) -> None:
    """A cart that cannot be priced says everything that is wrong, with pointers into the body."""
    with pytest.raises(Invalid) as refused:
        wanted.price()

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == faults


def test_faults_of_one_line_point_into_the_line() -> None:
    """Where the line is the whole body of the request, its place in the order is not named."""
    order = draft()

    with pytest.raises(Invalid) as refused:
        order.add_line(item(unit_price=Money(-1, EUR)), NOW)

    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/unit_price", "negative-amount")]


def test_currencies_without_digits_are_exact() -> None:
    """999 yen at 10 % are 100 yen of tax."""
    yen = Currency("JPY")
    wanted = Cart(currency=yen, items=[item(quantity=1, unit_price=Money(999, yen), tax_rate=Rate("0.1"))])

    order = begun(wanted)

    assert (order.totals.tax, order.totals.total) == (Money(100, yen), Money(1099, yen))
