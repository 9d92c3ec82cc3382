"""The header Idempotency-Key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.idempotency import MAX_KEY_LENGTH, BadIdempotencyKey, hash_body, parse_key

PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]


@given(st.text(alphabet=PRINTABLE, min_size=1, max_size=MAX_KEY_LENGTH).filter(lambda key: '"' not in key))
def test_quoted_and_bare_are_the_same_key(key: str) -> None:
    """The draft asks for quotes, many clients send none."""
    assert parse_key(f'"{key}"') == parse_key(key) == key


@pytest.mark.parametrize(
    "header",
    ["", '""', "x" * (MAX_KEY_LENGTH + 1), '"' + "x" * (MAX_KEY_LENGTH + 1) + '"', "a\tb", "a\0", "ä", "a\x7f"],
    ids=["empty", "empty quotes", "too long", "too long in quotes", "tab", "NUL", "not ASCII", "DEL"],
)
def test_what_is_no_key_is_refused(header: str) -> None:
    """400 for what is empty, too long or not printable ASCII."""
    with pytest.raises(BadIdempotencyKey):
        parse_key(header)


def test_the_longest_key_may_be_quoted() -> None:
    """The quotes do not count."""
    longest = "x" * MAX_KEY_LENGTH

    assert parse_key(f'"{longest}"') == longest


@given(st.binary(), st.binary())
def test_bodies_are_told_apart_by_their_bytes(one: bytes, other: bytes) -> None:
    """The same bytes are the same body, other bytes another one."""
    assert (hash_body(one) == hash_body(other)) == (one == other)
