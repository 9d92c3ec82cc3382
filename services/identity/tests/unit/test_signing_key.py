"""Signing keys: names, public form, and which one signs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_identity.key.ed25519 import Ed25519Keysmith
from promenade_identity.key.entity import SigningKey, signing_key_of

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


def b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key(signs_from: datetime, retires_at: datetime | None = None) -> SigningKey:
    made = Ed25519Keysmith().make()
    return SigningKey(public=made.public, private=made.private, signs_from=signs_from, retires_at=retires_at)


def test_the_vector_of_rfc_8037() -> None:
    """Appendix A: public key and thumbprint of the sample key."""
    private = b64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    pair = Ed25519PrivateKey.from_private_bytes(private)

    sample = SigningKey(public=pair.public_key().public_bytes_raw(), private=private)

    assert sample.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert sample.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_public_form_holds_nothing_private() -> None:
    """Neither in the JSON Web Key nor in what a log would print."""
    made = Ed25519Keysmith().make()
    private = base64.urlsafe_b64encode(made.private).rstrip(b"=").decode()

    assert made.jwk.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    assert private not in str(made.jwk)
    assert str(made.private) not in repr(made)


def test_the_youngest_that_may_signs() -> None:
    """One published ahead of its time waits, a retired one does not come back."""
    old, young = key(NOW - timedelta(days=9)), key(NOW - timedelta(days=1))
    waiting, retired = key(NOW + timedelta(minutes=3)), key(NOW - timedelta(hours=1), retires_at=NOW)

    assert signing_key_of([young, old, waiting, retired], NOW) is young
    assert signing_key_of([young, old, waiting, retired], NOW + timedelta(minutes=3)) is waiting
    assert signing_key_of([waiting, retired], NOW) is None


def test_keys_are_published_until_they_retire() -> None:
    """Before they sign, and until their last token is gone."""
    waiting, retired = key(NOW + timedelta(minutes=3)), key(NOW - timedelta(hours=1), retires_at=NOW)

    assert waiting.is_published(NOW)
    assert retired.is_published(NOW - timedelta(microseconds=1))
    assert not retired.is_published(NOW)
