"""Signing keys: names, public form, and which one signs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from promenade_identity.key.ed25519 import Ed25519Keysmith
from promenade_identity.key.entity import SigningKey, signing_key_of

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


def b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def key(signs_from: datetime, retires_at: datetime | None = None) -> SigningKey:
    made = Ed25519Keysmith().make()
    return SigningKey(public=made.public, private=made.private, signs_from=signs_from, retires_at=retires_at)


# RFC 8037, Appendix A: the key pair of A.1, its thumbprint of A.3, the signed text of A.4 and its whole form.
PRIVATE = b64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
PAYLOAD = b"Example of Ed25519 signing"
SIGNED = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


@pytest.fixture
def sample() -> SigningKey:
    """The sample key of RFC 8037."""
    pair = Ed25519PrivateKey.from_private_bytes(PRIVATE)
    return SigningKey(public=pair.public_key().public_bytes_raw(), private=pair.private_bytes_raw())


def test_the_key_of_rfc_8037(sample: SigningKey) -> None:
    """A.1 to A.3: private half, public half and thumbprint; the JSON Web Key says so, and what it is for."""
    assert sample.private == PRIVATE
    assert sample.kid == THUMBPRINT
    assert sample.jwk == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": PUBLIC,
        "kid": THUMBPRINT,
        "use": "sig",
        "alg": "EdDSA",
    }


def test_the_signature_of_rfc_8037(sample: SigningKey) -> None:
    """A.4: what signs access tokens here signs the sample's text as the RFC does, byte by byte."""
    pair = Ed25519PrivateKey.from_private_bytes(sample.private)

    signed = jwt.PyJWS().encode(PAYLOAD, pair, algorithm="EdDSA", headers={"typ": ""})

    assert signed == SIGNED


def test_the_validation_of_rfc_8037(sample: SigningKey) -> None:
    """A.5: what verifies access tokens here, given the published key, takes the sample and nothing like it."""
    key = jwt.PyJWK(sample.jwk, algorithm="EdDSA")
    jws = jwt.PyJWS()

    assert jws.decode(SIGNED, key, algorithms=["EdDSA"]) == PAYLOAD
    head, _, signature = SIGNED.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jws.decode(f"{head}.{PAYLOAD[::-1].hex()}.{signature}", key, algorithms=["EdDSA"])


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
