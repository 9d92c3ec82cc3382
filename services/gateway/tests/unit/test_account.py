"""The account that a request is about."""

import json
from typing import Any

import pytest
from promenade_gateway.account import AccountKeys

KEYS = AccountKeys("secret")


def body(email: Any) -> bytes:
    return json.dumps({"password": "x", "email": email}).encode()


@pytest.mark.parametrize("spelling", ["ADA@Example.COM", "ada@example.com", "aDa@eXample.com"])
def test_spellings_of_one_address_are_one_account(spelling: str) -> None:
    """Case does not buy more tries."""
    assert KEYS.of(body(spelling)) == KEYS.of(body("Ada@example.com"))


def test_spellings_of_a_domain_are_one_account() -> None:
    """Nor does writing an international domain in its other form."""
    assert KEYS.of(body("ada@xn--bcher-kva.example")) == KEYS.of(body("ada@BÜCHER.example"))


def test_accounts_differ() -> None:
    """Two addresses never share a bucket."""
    assert KEYS.of(body("ada@example.com")) != KEYS.of(body("bob@example.com"))


def test_the_key_tells_nobody_the_address() -> None:
    """It is an HMAC: without the secret it cannot be guessed."""
    key = KEYS.of(body("ada@example.com"))

    assert key is not None
    assert "ada@" not in key
    assert key != AccountKeys("other").of(body("ada@example.com"))


@pytest.mark.parametrize("text", ["", "nobody", " ADA@@example.com", "a" * 9000])
def test_what_is_no_address_is_counted_as_it_is(text: str) -> None:
    """The service will refuse it; here it still has a key."""
    assert KEYS.of(body(text)) is not None


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"email": 7}', b'{"email": null}', b"\xff\xfe", b"[" * 5000]
)
def test_a_body_that_names_nobody_has_no_account(raw: bytes) -> None:
    """Nothing that a client can send makes the door stumble."""
    assert KEYS.of(raw) is None


def test_the_last_of_two_emails_counts() -> None:
    """As for the service, which reads with the same parser."""
    assert KEYS.of(b'{"email": "a@example.com", "email": "b@example.com"}') == KEYS.of(body("b@example.com"))
