"""The invoice that an order makes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest
from billing_orders import EUR, HOME, SELLER, TERMS, draft, euro, miscounted, order_placed, tea
from hypothesis import given
from hypothesis import strategies as st
from promenade_billing.customer.entity import Customer
from promenade_billing.invoice.order import compute_again, disagreement, draft_of
from promenade_billing.invoice.parts import Terms
from promenade_chassis.ports import PermanentError
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.events.samples.order_management import SAMPLES
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Money, Percent, Rate
from promenade_kernel.values.totals import CartLine, Discount, Shipping

OFFICE = Address(street="Office Street 2", city="Graz", postal_code="8010", country="AT")
SHIPPING = Shipping(name="Post", price=euro(490), tax_rate=Rate("0.10"))
DISCOUNTS = [None, Discount(amount=euro(5)), Discount(percent=Percent("12.5"))]
lines = st.builds(
    tea,
    price=st.integers(min_value=20, max_value=10**6),
    quantity=st.integers(min_value=1, max_value=1000),
    rate=st.sampled_from(["0", "0.04", "0.1", "0.10", "0.20", "1"]),
    discount=st.sampled_from(DISCOUNTS),
)


def placed_sample() -> OrderPlaced:
    return next(sample for sample in SAMPLES if isinstance(sample, OrderPlaced))


def a_customer() -> Customer:
    return Customer(
        id=uuid4(),
        sequence=1,
        status="active",
        name="Ada of the copy",
        email=Email("copy@example.com"),
        user_id=uuid4(),
        billing_address=OFFICE,
    )


@given(
    cart=st.lists(lines, min_size=1, max_size=6),
    tax_inclusive=st.booleans(),
    discount=st.sampled_from(DISCOUNTS),
    shipping=st.sampled_from([None, SHIPPING]),
)
def test_any_order_makes_an_invoice_that_adds_up(
    cart: list[CartLine], tax_inclusive: bool, discount: Discount | None, shipping: Shipping | None
) -> None:
    """Billing computes what orders computed, and lines, shipping and taxes sum to the total."""
    order = order_placed(*cart, tax_inclusive=tax_inclusive, discount=discount, shipping=shipping)

    invoice = draft(order)

    assert disagreement(order, compute_again(order)) is None
    assert invoice.totals == order.totals
    parts = [*invoice.lines, *([invoice.shipping] if invoice.shipping else [])]
    assert Money.sum((part.total for part in parts), EUR) == invoice.total == invoice.amount_due
    assert Money.sum((part.tax for part in parts), EUR) == invoice.totals.tax
    assert all(part.net + part.tax == part.total for part in parts)


def test_the_producers_own_sample_makes_an_invoice() -> None:
    """What order management publishes as its sample is understood, line by line."""
    order = placed_sample()

    invoice = draft_of(order, compute_again(order), customer=None, seller=SELLER)

    assert disagreement(order, compute_again(order)) is None
    assert (invoice.order_id, invoice.order_number) == (order.order_id, order.number)
    assert [(line.order_line_id, line.sku, line.description) for line in invoice.lines] == [
        (line.line_id, line.sku, line.name) for line in order.lines
    ]
    assert invoice.shipping is not None
    assert invoice.shipping.total == order.shipping.total if order.shipping else False


@pytest.mark.parametrize("by", [-1, 1])
def test_a_cent_of_difference_is_found(by: int) -> None:
    """An order's total is not charged unless its lines make it."""
    order = miscounted(order_placed(), by)

    assert disagreement(order, compute_again(order)) == "totals-differ"


def test_lines_that_only_sum_up_right_are_found() -> None:
    """Two wrong lines do not make a right one."""
    order = order_placed(tea(), tea())
    first, second = order.lines
    wrong = (
        msgspec.structs.replace(first, net=first.net + euro(1), total=first.total + euro(1)),
        msgspec.structs.replace(second, net=second.net - euro(1), total=second.total - euro(1)),
    )

    assert disagreement(msgspec.structs.replace(order, lines=wrong), compute_again(order)) is not None
    assert disagreement(order, compute_again(order)) is None


def test_an_order_that_cannot_be_computed_is_a_matter_for_people() -> None:
    """No retry makes a line in another currency add up."""
    order = order_placed()
    broken = msgspec.structs.replace(order.lines[0], unit_price=Money.of(100, "USD"))

    with pytest.raises(PermanentError, match="currency-mismatch"):
        compute_again(msgspec.structs.replace(order, lines=(broken,)))


def test_what_the_order_froze_goes_before_what_is_known_of_the_customer() -> None:
    """The name on the invoice is the one the order was placed under."""
    order = order_placed(billing_address=HOME)

    invoice = draft_of(order, compute_again(order), customer=a_customer(), seller=SELLER)

    assert (invoice.buyer.name, invoice.buyer.email, invoice.buyer.address) == ("Ada Lovelace", "ada@example.com", HOME)


def test_what_the_order_does_not_say_is_taken_from_the_customer() -> None:
    """Name, email, billing address, and who belongs together."""
    customer = a_customer()
    order = order_placed(customer_name=None, customer_email=None, customer_id=customer.id, user_id=None)

    invoice = draft_of(order, compute_again(order), customer=customer, seller=SELLER)

    assert (invoice.buyer.name, invoice.buyer.email) == (customer.name, customer.email)
    assert (invoice.buyer.address, invoice.user_id, invoice.customer_id) == (OFFICE, customer.user_id, customer.id)


def test_goods_go_where_the_invoice_goes_when_nothing_else_is_known() -> None:
    """Without any billing address the shipping address stands on the invoice."""
    assert draft(order_placed()).buyer.address == HOME


def test_the_year_is_the_sellers() -> None:
    """Half past eleven on New Year's Eve in London is next year in Vienna."""
    moment = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)

    assert (TERMS.year_of(moment), Terms(timezone="UTC").year_of(moment)) == (2027, 2026)
