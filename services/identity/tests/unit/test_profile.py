"""The values of a profile."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from promenade_identity.profile.entity import HttpsUrl, Locale, Profile, Timezone
from promenade_kernel.values.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "locale"),
    [("en", "en"), ("DE-at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("sl-rozaj", "sl-rozaj")],
)
def test_locales_have_one_spelling(text: str, locale: str) -> None:
    """Language small, script with a capital, region in capitals."""
    assert Locale(text) == locale


@pytest.mark.parametrize("text", ["", "e", "english", "en_US", "en-", "en-US-", "de-AT-x" * 9, "12"])
def test_other_texts_are_no_locales(text: str) -> None:
    """Refused with their own code."""
    with pytest.raises(InvalidValue) as refusal:
        Locale(text)
    assert refusal.value.code == "invalid-locale"


@pytest.mark.parametrize("text", ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires"])
def test_time_zones_are_those_of_the_database(text: str) -> None:
    """By their exact names."""
    assert Timezone(text) == text


@pytest.mark.parametrize("text", ["https://example.com", "https://example.com:8443/a?b#c", "https://münchen.example/ü"])
def test_web_addresses_are_https(text: str) -> None:
    """With any path."""
    assert HttpsUrl(text) == text


@pytest.mark.parametrize("text", ["http://example.com", "https://", "https://a b.example", "https://u:p@example.com",
                                  "https://example.com:99999", "//example.com", "data:text/html,hi"])  # fmt: skip
def test_other_addresses_are_refused(text: str) -> None:
    """No other scheme, no credentials, no impossible port."""
    with pytest.raises(InvalidValue) as refusal:
        HttpsUrl(text)
    assert refusal.value.code == "invalid-url"


@pytest.mark.parametrize(
    ("born", "today", "fine"),
    [
        (date(2013, 3, 1), date(2026, 3, 1), True),
        (date(2013, 3, 2), date(2026, 3, 1), False),
        (date(2012, 2, 29), date(2025, 2, 28), False),
        (date(2012, 2, 29), date(2025, 3, 1), True),
        (date(1906, 3, 1), date(2026, 3, 1), True),
        (date(1905, 3, 1), date(2026, 3, 1), False),
        (date(2027, 1, 1), date(2026, 3, 1), False),
    ],
)
def test_users_are_13_to_120_years_old(born: date, today: date, fine: bool) -> None:
    """Counted in full years; a leap day's child has his birthday on 1 March."""
    profile = Profile(user_id=uuid4())

    if fine:
        profile.change(today, date_of_birth=born)
        assert profile.date_of_birth == born
        return
    with pytest.raises(InvalidValue) as refusal:
        profile.change(today, date_of_birth=born)
    assert (refusal.value.code, refusal.value.pointer) == ("invalid-date-of-birth", "/date_of_birth")
    assert profile.date_of_birth is None


@pytest.mark.parametrize("field", ["user_id", "id", "version", "nickname"])
def test_only_what_a_user_tells_can_be_changed(field: str) -> None:
    """Whose profile it is stays as it was."""
    with pytest.raises(TypeError):
        Profile(user_id=uuid4()).change(date(2026, 3, 1), **{field: "x"})
