"""Which passwords are good enough."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.ports import Invalid
from promenade_identity.password.entity import (
    MAXIMUM,
    MINIMUM,
    GivenPassword,
    NewPassword,
    PasswordRules,
    bundled_common_passwords,
)
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

COMMON = bundled_common_passwords()
RULES = PasswordRules(COMMON)
EMAIL = Email("grace.hopper@navy.example.com")
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=15, max_size=60)


def faults(password: str, name: str | None = "Grace Hopper", rules: PasswordRules = RULES) -> list[str]:
    try:
        rules.check(NewPassword(password), email=EMAIL, name=name)
    except Invalid as refusal:
        return [fault.code for fault in refusal.faults if fault.pointer == "/password"]
    return []


@pytest.mark.parametrize(
    "password",
    [
        "a walrus reads the evening news",
        "   leading and trailing   ",
        "ключ от всех дверей",
        "🦭🦭 eats 🐟🐟🐟 at dawn",
        "UPPERCASE ONLY IS FINE",
        "0294857610293846",
        "x" * 14 + "yzzyxqwvutsr",
    ],
)
def test_any_characters_will_do(password: str) -> None:
    """No composition rules, spaces count, nothing is trimmed."""
    assert faults(password) == []


@pytest.mark.parametrize(("length", "code"), [(0, "short"), (14, "short"), (15, None), (128, None), (129, "long")])
def test_length_is_counted_in_characters(length: int, code: str | None) -> None:
    """15 to 128, whatever an encoding makes of them."""
    password = "é" * length

    if code is None:
        assert NewPassword(password) == password
        return
    with pytest.raises(InvalidValue) as refusal:
        NewPassword(password)
    assert refusal.value.code == f"password-too-{code}"


def test_length_counts_after_normalising() -> None:
    """Letter and accent typed apart are one character: 28 code points are 14 here."""
    decomposed = unicodedata.normalize("NFD", "é" * 14)
    assert len(decomposed) == 28

    with pytest.raises(InvalidValue, match="at least 15"):
        NewPassword(decomposed)


@given(any_text)
def test_the_same_password_on_every_keyboard(text: str) -> None:
    """However an accent is typed, it is one password at registration and at login."""
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)

    assert GivenPassword(composed) == GivenPassword(decomposed) == composed


def test_what_is_typed_at_login_has_no_minimum() -> None:
    """Too short is just wrong there; only absurd lengths are refused."""
    assert GivenPassword("x") == "x"
    with pytest.raises(InvalidValue):
        GivenPassword("x" * 1025)


@pytest.mark.parametrize("password", ["passwordpassword", "PasswordPassword1!", "Qwertyuiopasdfgh", "123456789012345"])
def test_common_ones_are_refused(password: str) -> None:
    """In any case, and with the usual ornaments around them."""
    assert faults(password) == ["password-too-common"]


def test_the_list_is_long_and_to_the_point() -> None:
    """Over a thousand entries, none of which the minimum refuses anyway, each in the form it is looked up in."""
    assert len(COMMON) >= 1_000
    assert all(MINIMUM <= len(entry) <= MAXIMUM and entry == entry.casefold() for entry in COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "grace.hopper@navy.example.com",
        "gracehopper2026",
        "Grace Hopper 2026!",
        "hoppergracehopper",
        "navy-grace-navy-1",
        "GRACE.HOPPER.1906",
    ],
)
def test_ones_like_address_or_name_are_refused(password: str) -> None:
    """Taking out what others know must leave something."""
    assert faults(password) == ["password-too-like"]


@pytest.mark.parametrize("password", ["grace never sank any ships", "hopper and the missing moth"])
def test_a_word_of_the_name_may_be_part_of_it(password: str) -> None:
    """As long as enough of it is the user's own."""
    assert faults(password) == []


def test_short_parts_of_a_name_tell_nothing() -> None:
    """A user called Al is not refused for every al in his password."""
    email = Email("al@example.com")

    RULES.check("alabaster always also almost", email=email, name="Al")


def test_configuration_may_raise_the_minimum() -> None:
    """All faults come at once."""
    rules = PasswordRules(frozenset({"passwordpassword"}), minimum=20)

    assert faults("passwordpassword", rules=rules) == ["password-too-short", "password-too-common"]
    assert faults("seventeen letters", rules=rules) == ["password-too-short"]
