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
    bundled_common_stems,
)
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

COMMON = bundled_common_passwords()
STEMS = bundled_common_stems()
RULES = PasswordRules(COMMON, stems=STEMS)
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


@pytest.mark.parametrize(
    ("character", "points"),
    [("é", 1), ("🦭", 1), ("e\u0301", 1), ("q\u0307", 2), ("👩\u200d🚀", 3), ("ﷺ", 1), ("\U0001d11e", 1)],
    ids=["precomposed", "emoji", "composed by NFC", "not to be composed", "joined emoji", "ligature", "four bytes"],
)
def test_characters_are_code_points_of_nfc(character: str, points: int) -> None:
    """Not bytes, not what an eye takes for one: the same count for everybody who sends the same text."""
    most = MAXIMUM // points

    assert len(NewPassword(character * most)) == most * points
    with pytest.raises(InvalidValue, match="at most"):
        NewPassword(character * (most + 1) + "x" * points)
    with pytest.raises(InvalidValue, match="at least"):
        NewPassword(character * ((MINIMUM - 1) // points))


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
    """Over ten thousand entries, none of which the minimum refuses anyway, each in the form it is looked up in."""
    assert len(COMMON) >= 10_000
    assert all(MINIMUM <= len(entry) <= MAXIMUM and entry == entry.casefold() for entry in COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "Fallen_Angel-1969!!",
        "marcopolomarcopolo",
        "MarcoPolo Marcopolo MARCOPOLO 7",
        "12341234123412341234",
        "***revelation***",
        "hater1hater1hater1",
        "Hater1 hater1 HATER1",
    ],
)
def test_short_common_ones_made_long_are_refused(password: str) -> None:
    """Repeated, with or without something between, or with digits and signs around: it is tried as soon."""
    assert faults(password) == ["password-too-common"]


@pytest.mark.parametrize("password", ["marco polo met a dragon", "revelations of a monkey", "dragonmonkeyletmein"])
def test_common_words_may_be_part_of_a_sentence(password: str) -> None:
    """It is the whole that must not be one of them."""
    assert faults(password) == []


def test_the_stems_are_many_and_in_the_form_they_are_looked_up_in() -> None:
    """Nearly twenty thousand, the best known among them."""
    assert len(STEMS) >= 19_000
    assert {"123456", "password", "qwerty", "dragon"} <= STEMS
    assert all(entry == entry.casefold() and unicodedata.is_normalized("NFC", entry) for entry in STEMS)


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
