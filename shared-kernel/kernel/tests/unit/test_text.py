"""Texts that values are made of."""

import copy
import pickle

import pytest
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue, raise_all
from promenade_kernel.values.money import Currency
from promenade_kernel.values.text import TextValue, one_line


def test_is_an_ordinary_text():
    """A text value compares, hashes and formats as its text, so that databases and logs take it as it is."""
    email = Email("ada@example.com")

    assert email == "ada@example.com"
    assert {email: 1}["ada@example.com"] == 1
    assert f"<{email}>" == "<ada@example.com>"


@pytest.mark.parametrize("kind", [TextValue, Email, Currency])
@pytest.mark.parametrize(
    ("text", "code"),
    [("a\x00b@example.com", "nul-character"), ("\ud800@example.com", "invalid-unicode"), (7, "not-a-text")],
)
def test_refuses_what_no_database_stores(kind: type[TextValue], text: str, code: str):
    """NUL, lone surrogates and things that are no text are refused by every text value."""
    with pytest.raises(InvalidValue) as caught:
        kind(text)

    assert caught.value.code == code


@pytest.mark.parametrize("text", ["émile", "שלום", "👩‍👩‍👧", "\u202eabc", ""])
def test_takes_any_other_unicode(text: str):
    """Emoji, right-to-left texts and bidi marks are texts like any other."""
    assert TextValue(text) == text


def test_trusted_skips_validation():
    """A database row was validated when it was written: it is taken as it is."""
    assert Email.trusted("no email") == "no email"
    assert type(Email.trusted("x")) is Email


def test_survives_copy_and_pickle():
    """Copying and pickling keep text and type."""
    email = Email("ada@example.com")

    for twin in (copy.copy(email), copy.deepcopy(email), pickle.loads(pickle.dumps(email)), Email(email)):
        assert twin == email
        assert type(twin) is Email


def test_a_copy_is_itself():
    """A value never changes, so a deep copy of what holds it need not validate it again."""
    email = Email.trusted("was valid once")

    assert copy.deepcopy([email])[0] is email


def test_one_line_trims_and_normalises():
    """A line loses surrounding white space and comes in NFC."""
    assert one_line("  Cafe\u0301 ", maximum=10) == "Café"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "too-short"),
        (" \t", "too-short"),
        ("abcdef", "too-long"),
        ("a\nb", "control-character"),
        ("a\u2028b", "control-character"),
        ("a\x7fb", "control-character"),
        ("a\x00b", "nul-character"),
        (None, "not-a-text"),
    ],
)
def test_one_line_refuses(text: str, code: str):
    """What is empty, too long or no single line is refused, and the fault points to it."""
    with pytest.raises(InvalidValue) as caught:
        one_line(text, maximum=5, pointer="/name")

    assert (caught.value.code, caught.value.pointer) == (code, "/name")


def test_raise_all_carries_every_fault():
    """Several faults travel in one exception, the first in front."""
    faults = [InvalidValue("a", "A.", "/a"), InvalidValue("b", "B.", "/b")]

    with pytest.raises(InvalidValue) as caught:
        raise_all(faults)

    assert [(fault.code, fault.pointer) for fault in caught.value.faults] == [("a", "/a"), ("b", "/b")]


def test_raise_all_without_faults_does_nothing():
    """No fault, no exception."""
    raise_all([])
