"""The values of a profile."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import langcodes
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promenade_identity.profile.entity import DisplayName, HttpsUrl, Locale, Profile, Timezone
from promenade_kernel.events.identity import ProfileUpdated
from promenade_kernel.values.address import Country
from promenade_kernel.values.errors import InvalidValue

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        *[("en", "en"), ("DE-at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419"), ("fil", "fil")],
        *[("sl-rozaj", "sl-rozaj"), ("de-1996", "de-1996"), ("en-us-U-HC-h12", "en-US-u-hc-h12")],
        *[("iw", "he"), ("en-uk", "en-GB"), ("zh-cmn-hans", "zh-Hans")],
    ],
)
def test_locales_have_one_spelling(text: str, locale: str) -> None:
    """Language small, script with a capital, region in capitals; of what has a newer name, that one."""
    assert Locale(text) == locale


@pytest.mark.parametrize(
    "text",
    [
        *["", "e", "english", "en_US", "en-", "en-US-", "de-AT-x" * 9, "12", "en US", "ën"],
        *["qq", "en-Abcd", "en-ZY", "en-aaaaa", "de-1901-1901", "de-419-DE", "xx-klingon"],
        *["x-private", "i-", "en-a-bbb-a-ccc", "en-u"],
    ],
)
def test_other_texts_are_no_locales(text: str) -> None:
    """Not the form of BCP 47, a part that is not registered, or no language at all: refused with their own code."""
    with pytest.raises(InvalidValue) as refusal:
        Locale(text)
    assert refusal.value.code == "invalid-locale"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.sampled_from("aexuiDEUS-_0149 é\x00"), max_size=40) | st.text(max_size=40))
def test_whatever_is_sent_as_a_locale(text: str) -> None:
    """It is refused with a reason, or becomes a valid tag that stays as it is when it is sent again."""
    try:
        locale = Locale(text)
    except InvalidValue:
        return

    assert langcodes.tag_is_valid(locale)
    assert Locale(str(locale)) == locale


@pytest.mark.parametrize("text", ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires"])
def test_time_zones_are_those_of_the_database(text: str) -> None:
    """By their exact names."""
    assert Timezone(text) == text


@pytest.mark.parametrize("text", ["localtime", "Factory", "europe/vienna", "", "../etc/passwd"])
def test_other_names_are_no_time_zones(text: str) -> None:
    """Nor what the database holds beside places, which is another one on each machine."""
    with pytest.raises(InvalidValue) as refusal:
        Timezone(text)
    assert refusal.value.code == "invalid-timezone"


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


COPIED: dict[str, Any] = {
    "display_name": DisplayName("Ada"),
    "given_name": "Augusta Ada",
    "family_name": "King",
    "locale": Locale("en-GB"),
    "timezone": "Europe/London",
    "country": Country("GB"),
}


@pytest.mark.parametrize("field", COPIED)
def test_what_others_copy_is_told_as_a_whole(field: str) -> None:
    """A change of one field tells all of them as they are now, in plain texts; clearing it does too."""
    profile = Profile(user_id=uuid4(), **{**COPIED, field: None})

    profile.change(TODAY, **{field: COPIED[field]})
    profile.change(TODAY, **{field: None})

    def told(**copied: Any) -> ProfileUpdated:
        return ProfileUpdated(profile_id=profile.id, user_id=profile.user_id, **{**COPIED, **copied})

    assert profile.recorded() == (told(), told(**{field: None}))
    values = [getattr(event, name) for event in profile.recorded() for name in COPIED]
    assert {type(value) for value in values} == {str, type(None)}


@pytest.mark.parametrize(
    "change",
    [
        {},
        COPIED,
        {"bio": "Counts."},
        {"avatar_url": "https://example.com/a"},
        {"date_of_birth": date(1990, 1, 1)},
        {"links": ("https://example.com",)},
        {"is_public": True},
    ],
    ids=lambda change: "+".join(change) or "nothing",
)
def test_what_nobody_copies_is_told_to_nobody(change: dict[str, Any]) -> None:
    """Neither the same once more nor what concerns the profile alone."""
    profile = Profile(user_id=uuid4(), **COPIED)

    profile.change(TODAY, **change)

    assert profile.recorded() == ()
    assert {name: getattr(profile, name) for name in change} == change
