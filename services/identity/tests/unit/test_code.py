"""The rules of codes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from promenade_identity.code.entity import LIFETIME, CodeMint, Purpose

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
MINT = CodeMint(b"a key for tests")


def test_a_code_has_six_digits_and_is_stored_as_a_digest() -> None:
    """What is stored does not contain the code, and ends ten minutes later."""
    subject = uuid4()

    code, issued = MINT.issue(Purpose.VERIFY_CONTACT, subject, NOW)

    assert len(code) == 6
    assert code.isdecimal()
    assert code.encode() not in issued.digest
    assert (issued.purpose, issued.subject, issued.expires_at) == (Purpose.VERIFY_CONTACT, subject, NOW + LIFETIME)


def test_a_code_is_recognised_as_it_was_typed() -> None:
    """Blanks around a pasted code do not matter."""
    subject = uuid4()
    code, issued = MINT.issue(Purpose.VERIFY_CONTACT, subject, NOW, proves="ada@example.com")

    assert MINT.digest(Purpose.VERIFY_CONTACT, subject, f" {code}\n", proves="ada@example.com") == issued.digest


@pytest.mark.parametrize("other", ["purpose", "subject", "code", "value", "key"])
def test_a_code_is_good_for_one_thing(other: str) -> None:
    """Purpose, subject, value and the service's key all enter the digest."""
    subject = uuid4()
    mint = CodeMint(b"another key") if other == "key" else MINT
    digest = MINT.digest(Purpose.VERIFY_CONTACT, subject, "123456", proves="ada@example.com")

    changed = mint.digest(
        Purpose.RESET_PASSWORD if other == "purpose" else Purpose.VERIFY_CONTACT,
        uuid4() if other == "subject" else subject,
        "123457" if other == "code" else "123456",
        proves="eve@example.com" if other == "value" else "ada@example.com",
    )

    assert changed != digest


def test_codes_differ() -> None:
    """Codes come from a source nobody can predict; a hundred of them are not one."""
    codes = {MINT.issue(Purpose.VERIFY_CONTACT, uuid4(), NOW)[0] for _ in range(100)}

    assert len(codes) > 90
