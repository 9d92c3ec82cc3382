"""What the chassis' unit tests share."""

from __future__ import annotations

import pytest
from promenade_chassis.auth import Keys, TokenVerifier
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def issuer() -> Issuer:
    """An issuer with a key of its own."""
    return Issuer()


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    """A verifier that trusts the issuer's key."""
    return TokenVerifier(Keys(issuer.fetch), issuer=ISSUER, audience=AUDIENCE)
