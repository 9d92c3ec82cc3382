"""Who sells, as the configuration says it."""

from __future__ import annotations

from typing import Any

import pytest
from promenade_billing.bootstrap import seller_of
from promenade_chassis.config import AuthSettings, ConfigurationError, Settings


def settings_with(**seller: Any) -> Settings:
    return Settings(profile="test", auth=AuthSettings(issuer="", jwks_url=""), extra={"seller": seller})


def test_the_seller_has_defaults_and_can_be_named() -> None:
    """Whatever the configuration leaves out is filled in."""
    seller, terms = seller_of(settings_with(name="Tea House", email="Tea@EXAMPLE.com", payment_days="30"))

    assert (seller.name, seller.email, seller.address.country) == ("Tea House", "Tea@example.com", "AT")
    assert (terms.timezone, terms.payment_days) == ("UTC", 30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"email": "tea"},
        {"payment_days": -1},
        {"address": {"street": "x"}},
        {"colour": "red"},
    ],
)
def test_a_wrong_seller_does_not_start(wrong: dict[str, Any]) -> None:
    """The error names the section."""
    with pytest.raises(ConfigurationError, match="seller"):
        seller_of(settings_with(**wrong))
