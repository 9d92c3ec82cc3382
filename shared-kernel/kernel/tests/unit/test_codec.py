"""JSON in and out."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from promenade_kernel.values import codec
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.money import Currency, Money, Rate


class Sample(msgspec.Struct, frozen=True):
    """Something with every kind of value."""

    id: UUID
    at: datetime
    price: Money
    rate: Rate
    emails: tuple[Email, ...] = ()
    by_currency: dict[Currency, int] = {}
    note: str | None = None


SAMPLE = Sample(
    id=UUID("01980000-0000-7000-8000-000000000001"),
    at=datetime(2026, 1, 5, tzinfo=UTC),
    price=Money.of(1250, "EUR"),
    rate=Rate("0.19"),
    emails=(Email("ada@example.com"),),
)
PLAIN: dict[str, Any] = {
    "id": "01980000-0000-7000-8000-000000000001",
    "at": "2026-01-05T00:00:00Z",
    "price": {"amount": 1250, "currency": "EUR"},
    "rate": "0.19",
    "emails": ["ada@example.com"],
    "by_currency": {},
    "note": None,
}


def test_writes_and_reads_json():
    """A value is the same after a journey through JSON, with its types."""
    read = codec.decode(codec.encode(SAMPLE), Sample)

    assert read == SAMPLE
    assert type(read.emails[0]) is Email
    assert type(read.price.currency) is Currency


def test_writes_and_reads_plain_data():
    """Plain data reads as the JSON would."""
    assert codec.to_plain(SAMPLE) == PLAIN
    assert type(codec.to_plain(SAMPLE)["emails"][0]) is str
    assert codec.convert(PLAIN, Sample) == SAMPLE


@pytest.mark.parametrize(
    "amount",
    [b"true", b"1.0", b"1e3", b'"1"', b"null", b"[1]", b"1000000000000000", b"-1000000000000000", b"1" + b"0" * 40],
)
def test_amounts_are_integers_only(amount: bytes):
    """Booleans, floats (also whole ones), texts and too large numbers are no amounts."""
    with pytest.raises(msgspec.ValidationError):
        codec.decode(b'{"amount": ' + amount + b', "currency": "EUR"}', Money)


@pytest.mark.parametrize("amount", [True, 1.0, "1", None])
def test_plain_amounts_are_integers_only(amount: object):
    """Plain data is read as strictly as JSON."""
    with pytest.raises(msgspec.ValidationError):
        codec.convert({"amount": amount, "currency": "EUR"}, Money)


@pytest.mark.parametrize("rate", [b"0.19", b"0", b"true", b"null", b'["0.19"]'])
def test_text_values_are_texts_only(rate: bytes):
    """A rate as a number is refused: it may have been a binary float."""
    with pytest.raises(msgspec.ValidationError):
        codec.decode(rate, Rate)


def test_a_refused_value_is_the_cause():
    """Who answers the client finds code and place in the exception."""
    with pytest.raises(msgspec.ValidationError) as caught:
        codec.convert({**PLAIN, "price": {"amount": 1, "currency": "eur"}}, Sample)

    assert str(caught.value).endswith("at `$.price.currency`")
    assert isinstance(caught.value.__cause__, InvalidValue)
    assert caught.value.__cause__.code == "unknown-currency"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b"nan"])
def test_what_is_no_json_is_a_decode_error(data: bytes):
    """Broken JSON and broken UTF-8 raise one kind of exception."""
    with pytest.raises(msgspec.DecodeError):
        codec.decode(data, str)


def test_nul_is_refused_in_text_values():
    """An escaped NUL does not slip through JSON."""
    with pytest.raises(msgspec.ValidationError, match="NUL"):
        codec.decode(b'"ada\\u0000@example.com"', Email)


def test_unknown_classes_have_no_json_form():
    """Only values that were made for it are written or read."""
    with pytest.raises(NotImplementedError):
        codec.encode(object())
    with pytest.raises(NotImplementedError):
        codec.decode(b"1", complex)
    with pytest.raises(NotImplementedError):
        codec.schema_hook(complex)


def test_schemas_know_text_values():
    """A schema shows the form of a text value."""
    schema = msgspec.json.schema(Money, schema_hook=codec.schema_hook)

    assert schema["$defs"]["Money"]["properties"]["currency"]["pattern"] == "^[A-Z]{3}$"
    assert schema["$defs"]["Money"]["properties"]["amount"]["maximum"] == 10**15 - 1
