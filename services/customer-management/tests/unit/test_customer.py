"""The rules of a customer apart from the lifecycle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_customer_management.customer.entity import MAX_TAGS, Customer, Tier, TooManyTags, UserStatus
from promenade_customer_management.customer.values import CustomerName, Tag, Timezone
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted, CustomerUpdated
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.money import Currency

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
ADDRESS = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")


def ada() -> Customer:
    return Customer(
        name="Ada",
        email=Email("ada@example.com"),
        user_id=uuid4(),
        user_status=UserStatus.ACTIVE,
        currency=Currency("EUR"),
        timezone="Europe/Vienna",
        billing_address=ADDRESS,
    )


def copy_of(customer: Customer, status: str = "active") -> dict[str, object]:
    return {
        "customer_id": customer.id,
        "name": customer.name,
        "status": status,
        "lifecycle": customer.lifecycle.value,
        "email": customer.email,
        "user_id": customer.user_id,
        "currency": customer.currency,
        "timezone": customer.timezone,
        "billing_address": customer.billing_address,
    }


def test_a_new_customer_is_told_as_a_whole() -> None:
    """`customer.created` carries all that others copy."""
    customer = ada()

    customer.create()

    assert customer.recorded() == (CustomerCreated(**copy_of(customer)),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Augusta Ada"},
        {"email": None},
        {"currency": Currency("CHF"), "timezone": None},
        {"billing_address": None},
        {"tier": Tier.PRO},
        {"user_status": UserStatus.SUSPENDED},
    ],
)
def test_a_change_is_told_as_a_whole(change: dict[str, object]) -> None:
    """`customer.updated` carries the whole copy, not the difference, so that the newest replaces all older."""
    customer = ada()

    customer.change(**change)

    assert {name: getattr(customer, name) for name in change} == change
    assert customer.recorded() == (CustomerUpdated(**copy_of(customer)),)  # type: ignore[arg-type]


def test_the_same_again_is_no_change() -> None:
    """What was set already is not told."""
    customer = ada()

    customer.change(name="Ada", email=Email("ada@example.com"), tags=[])

    assert customer.recorded() == ()


def test_deleting_and_restoring_are_told() -> None:
    """Who is deleted is told by id; who comes back by the whole copy, active again."""
    customer = ada()

    customer.delete(NOW)
    deleted = customer.is_deleted
    customer.restore()

    assert deleted
    assert not customer.is_deleted
    assert customer.recorded() == (
        CustomerDeleted(customer_id=customer.id, user_id=customer.user_id),
        CustomerUpdated(**copy_of(customer)),  # type: ignore[arg-type]
    )


def test_what_happens_to_a_deleted_customer_does_not_bring_him_back() -> None:
    """A fact about a deleted customer is told with the status `deleted`."""
    customer = ada()
    customer.delete(NOW)

    customer.learn("order-confirmed")

    assert customer.recorded()[-1] == CustomerUpdated(**copy_of(customer, "deleted"))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), max_size=30))
def test_tags_are_a_set(steps: list[tuple[bool, str]]) -> None:
    """Put on twice is once, taken off is gone, the order is that of the alphabet."""
    customer, expected = ada(), set[str]()

    for put, tag in steps:
        (customer.tag if put else customer.untag)(tag)
        (expected.add if put else expected.discard)(tag)

    assert customer.tags == sorted(expected)


def test_tags_are_limited() -> None:
    """The 51st is refused and leaves no trace; one that is there may be put on again."""
    customer = ada()
    customer.tags = [f"tag {number:02}" for number in range(MAX_TAGS)]
    before = list(customer.tags)

    customer.tag("tag 07")
    with pytest.raises(TooManyTags):
        customer.tag("one more")

    assert customer.tags == before
    assert customer.recorded() == ()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (CustomerName, "  Ada  ", "Ada"),
        (CustomerName, "e\u0301", "é"),
        (CustomerName, "שלום עולם", "שלום עולם"),
        (CustomerName, "👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        (CustomerName, "x" * 200, "x" * 200),
        (Tag, " key account ", "key account"),
        (Tag, "vip\n", "vip"),
        (Tag, "...", "..."),
        (Timezone, "Europe/Vienna", "Europe/Vienna"),
        (Timezone, "UTC", "UTC"),
    ],
)
def test_a_text_has_one_form(kind: Callable[[str], str], text: str, value: str) -> None:
    """Trimmed and composed, otherwise as it was written."""
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (CustomerName, "", "too-short"),
        (CustomerName, " \u00a0 ", "too-short"),
        (CustomerName, "x" * 201, "too-long"),
        (CustomerName, "Ada\nBcc: all", "control-character"),
        (CustomerName, "\ud800", "invalid-unicode"),
        (CustomerName, "a\0b", "nul-character"),
        (Tag, "x" * 51, "too-long"),
        (Tag, "a\tb", "control-character"),
        (Tag, "a/b", "invalid-tag"),
        (Tag, ".", "invalid-tag"),
        (Tag, "..", "invalid-tag"),
        (Timezone, "europe/vienna", "invalid-timezone"),
        (Timezone, "localtime", "invalid-timezone"),
        (Timezone, "../../etc/passwd", "invalid-timezone"),
        (Timezone, "", "invalid-timezone"),
    ],
)
def test_what_is_no_such_text_is_refused(kind: Callable[[str], str], text: str, code: str) -> None:
    """Names and tags are one line, a tag is one segment of a path, a time zone is a place."""

    with pytest.raises(InvalidValue) as refusal:
        kind(text)

    assert refusal.value.code == code
