"""Email addresses: those of email_addresses.toml, one by one."""

import tomllib
from pathlib import Path

import pytest
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

Case = tuple[str, str, str]
CASES: dict[str, list[Case]] = tomllib.loads(Path(__file__).with_name("email_addresses.toml").read_text("utf-8"))


def each_of(group: str) -> pytest.MarkDecorator:
    """A run for each case of a group, named by why it is there."""
    cases = CASES[group]
    return pytest.mark.parametrize(
        ("text", "other"), [(text, other) for text, other, _ in cases], ids=[why for _, _, why in cases]
    )


def test_no_group_is_empty():
    """All four are read, and every case says why it is there."""
    assert CASES.keys() == {"valid", "invalid", "equal", "different"}
    assert all(CASES.values())
    assert all(len(case) == 3 for cases in CASES.values() for case in cases)


@each_of("valid")
def test_takes_an_address(text: str, other: str):
    """The local part keeps its case, the domain comes in lower case and Unicode; again changes nothing."""
    email = Email(text)

    assert email == other
    assert f"{email.local}@{email.domain}" == email
    assert Email(str(email)) == email


@each_of("invalid")
def test_refuses_what_is_no_address(text: str, other: str):
    """With the code of the fault, and without repeating it."""
    with pytest.raises(InvalidValue) as caught:
        Email(text)

    assert caught.value.code == other
    assert len(text) < 2 or text not in caught.value.detail


@each_of("equal")
def test_canonical_is_the_key_of_uniqueness(text: str, other: str):
    """Two spellings of one address have one canonical form."""
    assert Email(text).canonical == Email(other).canonical


@each_of("different")
def test_canonical_tells_addresses_apart(text: str, other: str):
    """What two people may own is not one address."""
    assert Email(text).canonical != Email(other).canonical


@each_of("valid")
def test_canonical_is_an_address_of_its_own_key(text: str, other: str):
    """Folding once more changes nothing."""
    canonical = Email(text).canonical

    assert Email.trusted(canonical).canonical == canonical
