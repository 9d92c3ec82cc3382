"""The configuration of keys and tokens."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from promenade_chassis.config import AuthSettings, ConfigurationError, Settings, section
from promenade_identity.key.settings import KeySettings
from promenade_identity.session.access_tokens import TokenSettings

AUTH = AuthSettings(issuer="https://promenade.example.com", jwks_url="")
QUARTER = timedelta(minutes=15)


def test_what_is_not_said_is_safe() -> None:
    """Three minutes ahead, a quarter of an hour and both clocks' faults behind, a new one every ninety days."""
    times = KeySettings().times(AUTH, TokenSettings().lifetime)

    assert times.ahead == timedelta(minutes=3)
    assert times.after == QUARTER + timedelta(seconds=10)
    assert times.every == timedelta(days=90)
    assert KeySettings(rotate_every_days=0).times(AUTH, QUARTER).every is None


def test_a_key_cannot_sign_before_everybody_knows_it() -> None:
    """Ring, refresh, a failed try, its repetition and a clock that is ahead: 30 + 60 + 3 + 5 + 5 seconds at least."""
    assert KeySettings(publish_ahead_seconds=103).times(AUTH, QUARTER).ahead == timedelta(seconds=103)

    with pytest.raises(ConfigurationError, match=r"keys\.publish_ahead_seconds: at least 103,"):
        KeySettings(publish_ahead_seconds=102.9).times(AUTH, QUARTER)


@pytest.mark.parametrize(
    ("keys", "auth", "least"),
    [
        ({"cache_seconds": 90}, {}, 163),
        ({}, {"jwks_refresh_seconds": 120}, 163),
        ({}, {"jwks_retry_seconds": 65}, 163),
        ({"cache_seconds": 0.5}, {"jwks_refresh_seconds": 1, "jwks_retry_seconds": 0.5}, 10),
    ],
    ids=["cache", "refresh", "retry", "all short"],
)
def test_the_least_follows_from_what_caches(keys: dict[str, float], auth: dict[str, float], least: float) -> None:
    """Who caches longer must publish earlier, who caches shorter may publish later."""
    settings, checks = KeySettings(**keys, publish_ahead_seconds=least), msgspec.structs.replace(AUTH, **auth)

    assert settings.times(checks, QUARTER).ahead == timedelta(seconds=least)
    with pytest.raises(ConfigurationError, match=f"at least {least},"):
        msgspec.structs.replace(settings, publish_ahead_seconds=least - 0.1).times(checks, QUARTER)


@pytest.mark.parametrize("seconds", [4, 901])
def test_tokens_do_not_outlive_their_revocations(seconds: int) -> None:
    """A quarter of an hour is the most: revocations are kept as long."""
    settings = Settings(profile="test", auth=AUTH, extra={"tokens": {"access_seconds": seconds}})

    with pytest.raises(ConfigurationError, match=r"tokens.*access_seconds"):
        section(settings, "tokens", TokenSettings)
