"""The rules of a contact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.ports import DomainError
from promenade_identity.code.entity import CODES_AN_HOUR
from promenade_identity.contact.entity import (
    AddressNotVerifiable,
    Contact,
    ContactAlreadyVerified,
    ContactNotVerified,
    ContactValue,
    PrimaryContact,
    TooManyCodes,
    type_of,
)
from promenade_kernel.events.identity import ContactCodeRequested, ContactMadePrimary, ContactVerified
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
EMAIL, PHONE = Email("ada@example.com"), Phone("+436601234567")
ADDRESS = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")
PROVABLE: list[ContactValue] = [EMAIL, PHONE]

each_value = pytest.mark.parametrize("value", [EMAIL, PHONE, ADDRESS], ids=["email", "phone", "address"])
each_provable = pytest.mark.parametrize("value", PROVABLE, ids=["email", "phone"])


def contact(value: ContactValue = EMAIL, *, verified: bool = False, primary: bool = False) -> Contact:
    return Contact(user_id=uuid4(), value=value, verified_at=NOW if verified else None, is_primary=primary)


@each_value
def test_a_new_contact_is_neither_verified_nor_primary(value: ContactValue) -> None:
    """Nothing is proved by typing something in."""
    new = contact(value)

    assert not new.is_verified
    assert not new.is_primary
    assert new.type is type_of(value)
    assert new.recorded() == ()


@each_provable
def test_asking_for_a_code_records_where_to_send_it(value: ContactValue) -> None:
    """The event names contact, user and address; it carries no code."""
    new = contact(value)

    new.request_code(NOW)

    assert new.recorded() == (
        ContactCodeRequested(contact_id=new.id, user_id=new.user_id, type=new.type.value, value=str(value)),
    )
    assert new.code_requests == [NOW]


@each_provable
def test_becoming_primary_is_told_once(value: ContactValue) -> None:
    """With the address or number others copy; being made what it is already is no news."""
    proved = contact(value, verified=True)

    proved.make_primary()
    proved.make_primary()

    assert proved.recorded() == (
        ContactMadePrimary(contact_id=proved.id, user_id=proved.user_id, type=proved.type.value, value=str(value)),
    )
    assert proved.is_primary


def test_of_a_primary_postal_address_nobody_hears() -> None:
    """Nobody copies it, so it stays here."""
    home = contact(ADDRESS)

    home.make_primary()

    assert (home.is_primary, home.recorded()) == (True, ())


@each_provable
@pytest.mark.parametrize("primary", [False, True])
def test_verifying_records_what_was_proved(value: ContactValue, primary: bool) -> None:
    """The event says which address is proved, and whether it is the primary one."""
    new = contact(value, primary=primary)

    new.verify(NOW)

    assert new.verified_at == NOW
    assert new.recorded() == (
        ContactVerified(
            contact_id=new.id, user_id=new.user_id, type=new.type.value, value=str(value), is_primary=primary
        ),
    )


@pytest.mark.parametrize(
    ("subject", "command", "error"),
    [
        pytest.param(contact(ADDRESS), lambda c: c.request_code(NOW), AddressNotVerifiable, id="code to an address"),
        pytest.param(contact(ADDRESS), lambda c: c.verify(NOW), AddressNotVerifiable, id="verify an address"),
        pytest.param(contact(verified=True), lambda c: c.request_code(NOW), ContactAlreadyVerified, id="code again"),
        pytest.param(contact(verified=True), lambda c: c.verify(NOW), ContactAlreadyVerified, id="verify again"),
        pytest.param(contact(), lambda c: c.make_primary(), ContactNotVerified, id="primary unverified email"),
        pytest.param(contact(PHONE), lambda c: c.make_primary(), ContactNotVerified, id="primary unverified phone"),
        pytest.param(
            contact(verified=True, primary=True),
            lambda c: c.delete(NOW, others=True),
            PrimaryContact,
            id="delete primary",
        ),
        pytest.param(
            contact(verified=True, primary=True),
            lambda c: c.change_value(Email("eve@example.com")),
            PrimaryContact,
            id="change primary",
        ),
    ],
)
def test_a_refused_command_changes_nothing(
    subject: Contact, command: Callable[[Contact], None], error: type[DomainError]
) -> None:
    """A rule that refuses leaves no trace: no state, no event."""
    before = repr(subject)

    with pytest.raises(error):
        command(subject)

    assert repr(subject) == before
    assert subject.recorded() == ()


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(contact(verified=True), id="email"),
        pytest.param(contact(PHONE, verified=True), id="phone"),
        pytest.param(contact(ADDRESS), id="address"),
    ],
)
def test_a_proved_contact_or_an_address_becomes_primary(subject: Contact) -> None:
    """A postal address needs no proof."""
    subject.make_primary()

    assert subject.is_primary
    subject.demote()
    assert not subject.is_primary


@pytest.mark.parametrize(("primary", "others"), [(True, False), (False, True), (False, False)])
def test_a_deleted_contact_is_not_primary_when_it_comes_back(primary: bool, others: bool) -> None:
    """The last of its type may be deleted though primary; what is restored starts in the second row, still proved."""
    subject = contact(verified=True, primary=primary)

    subject.delete(NOW, others=others)
    deleted = subject.is_deleted
    subject.restore()

    assert deleted
    assert not subject.is_deleted
    assert not subject.is_primary
    assert subject.is_verified


def test_the_same_value_again_stays_verified() -> None:
    """Sending back what was read changes nothing, even on the primary contact."""
    subject = contact(verified=True, primary=True)

    subject.change_value(Email("ada@example.com"))

    assert subject.is_verified


@each_provable
def test_another_value_is_not_verified(value: ContactValue) -> None:
    """What was proved of the old value is void."""
    subject = contact(value, verified=True)

    subject.change_value(Email("eve@example.com") if value is EMAIL else Phone("+436607654321"))

    assert not subject.is_verified


def test_a_primary_address_may_move() -> None:
    """A postal address was never proved, so the primary one may change."""
    subject = contact(ADDRESS, primary=True)
    elsewhere = Address(street="Ring 2", city="Graz", postal_code="8010", country="AT")

    subject.change_value(elsewhere)

    assert subject.value == elsewhere
    assert subject.is_primary


@given(st.lists(st.integers(min_value=0, max_value=3 * 3600), max_size=60).map(sorted))
def test_codes_keep_their_distance(moments: list[int]) -> None:
    """However often it is asked: never two codes within a minute, never six within an hour, and 429 is honest."""
    subject = contact()
    sent: list[int] = []

    for moment in moments:
        now = NOW + timedelta(seconds=moment)
        try:
            subject.request_code(now)
            sent.append(moment)
        except TooManyCodes as refusal:
            wait = int(refusal.headers["Retry-After"])
            assert 1 <= wait <= 3600
            assert _accepts(subject, now + timedelta(seconds=wait))

    assert all(later - earlier >= 60 for earlier, later in pairwise(sent))
    assert all(later - first >= 3600 for first, later in zip(sent, sent[CODES_AN_HOUR:], strict=False))
    assert len(subject.recorded()) == len(sent)


@pytest.mark.parametrize(
    ("later", "told"),
    [(0.0, "60"), (0.000_001, "60"), (1.0, "59"), (59.0, "1")],
    ids=["at once", "a moment", "a second", "nearly a minute"],
)
def test_whoever_asks_too_soon_is_told_the_whole_seconds_that_are_left(later: float, told: str) -> None:
    """Rounded up, and not beyond: at once it is a minute and no more."""
    subject = contact()
    subject.request_code(NOW)

    with pytest.raises(TooManyCodes) as refusal:
        subject.request_code(NOW + timedelta(seconds=later))

    assert refusal.value.headers["Retry-After"] == told


def _accepts(subject: Contact, moment: datetime) -> bool:
    probe = contact()
    probe.code_requests = list(subject.code_requests)
    probe.request_code(moment)
    return True


def test_a_proof_frees_the_way_for_the_next_codes() -> None:
    """The count belongs to one proof: after a new value the first code comes at once."""
    subject = contact()
    subject.request_code(NOW)
    subject.verify(NOW)
    subject.change_value(Email("eve@example.com"))

    subject.request_code(NOW)

    assert subject.code_requests == [NOW]
