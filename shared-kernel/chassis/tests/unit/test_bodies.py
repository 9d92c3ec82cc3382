"""Request bodies: decoded strictly, every fault named with its pointer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType
from promenade_chassis.http.bodies import MalformedJson, decode_body
from promenade_chassis.http.readers import reader_of
from promenade_chassis.ports import Fault, Invalid
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.money import Currency, Money


class Colour(StrEnum):
    RED = "red"


class Line(msgspec.Struct, kw_only=True):
    quantity: Annotated[int, Meta(ge=1, le=1_000_000)]
    price: Money
    note: Annotated[str, Meta(max_length=5)] | None = None


class Card(msgspec.Struct, tag="card", tag_field="by/with"):
    digits: Annotated[str, Meta(min_length=4)]


class Transfer(msgspec.Struct, tag="transfer", tag_field="by/with"):
    iban: str
    urgent: bool = False


class Part(msgspec.Struct):
    name: str
    parts: list[Part] = []


class Cart(msgspec.Struct, kw_only=True):
    email: Email
    lines: Annotated[list[Line], Meta(min_length=1, max_length=3)]
    ship_to: Address | None = None
    colour: Colour = Colour.RED
    due: Annotated[datetime, Meta(tz=True)] | None = None
    paid: bool = False
    tags: tuple[str, ...] = ()
    notes: dict[str, str] = {}
    label: str | None | UnsetType = UNSET
    limits: Annotated[dict[str, Annotated[int, Meta(ge=1)]], Meta(max_length=2)] = {}
    payment: Card | Transfer | None = None
    payments: list[Card | Transfer] = []
    either: int | list[Line] | Address | None = None
    parts: list[Part] = []

    def __post_init__(self) -> None:
        if self.paid and self.due is not None:
            raise InvalidValue("not-both", "What is paid is not due", "/due")


PRICE = {"amount": 100, "currency": "EUR"}
LINE = {"quantity": 1, "price": PRICE}
GOOD: dict[str, Any] = {"email": "ada@example.com", "lines": [LINE]}
SHIP_TO = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}


def decode(body: Any) -> Cart:
    return decode_body(json.dumps(body).encode(), Cart)


def faults(body: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        decode(body)
    found = [(fault.pointer, fault.code) for fault in refusal.value.faults]
    assert len(found) == len(set(found))
    return set(found)


def test_a_good_body_becomes_typed_values() -> None:
    """Values, nested structs, sequences and times arrive as what the struct says."""
    cart = decode({**GOOD, "ship_to": SHIP_TO, "due": "2026-02-28T12:00:00Z", "tags": ["a"], "notes": {"a": "b"}})

    assert isinstance(cart.email, Email)
    assert cart.lines[0].price == Money(100, Currency("EUR"))
    assert isinstance(cart.ship_to, Address)
    assert cart.due is not None
    assert cart.due.utcoffset() is not None
    assert (cart.tags, cart.notes) == (("a",), {"a": "b"})


@pytest.mark.parametrize(("given_", "label"), [({}, UNSET), ({"label": None}, None), ({"label": "x"}, "x")])
def test_absent_and_null_are_told_apart(given_: dict[str, Any], label: Any) -> None:
    """Absent means unchanged, null means cleared."""
    assert decode({**GOOD, **given_}).label == label


FAULTY: list[tuple[str, Any, set[tuple[str, str]]]] = [
    ("nothing", {}, {("/email", "required"), ("/lines", "required")}),
    ("no object", [GOOD], {("", "wrong-type")}),
    ("unknown fields", {**GOOD, "x": 1, "y~/z": 2}, {("/x", "unknown-field"), ("/y~0~1z", "unknown-field")}),
    ("no lines", {**GOOD, "lines": []}, {("/lines", "invalid-length")}),
    ("too many lines", {**GOOD, "lines": [LINE] * 4}, {("/lines", "invalid-length")}),
    ("lines are an object", {**GOOD, "lines": LINE}, {("/lines", "wrong-type")}),
    ("a line is null", {**GOOD, "lines": [LINE, None]}, {("/lines/1", "wrong-type")}),
    ("true is no number", {**GOOD, "lines": [{**LINE, "quantity": True}]}, {("/lines/0/quantity", "wrong-type")}),
    ("1.0 is no integer", {**GOOD, "lines": [{**LINE, "quantity": 1.5}]}, {("/lines/0/quantity", "wrong-type")}),
    ('"1" is no number', {**GOOD, "lines": [{**LINE, "quantity": "1"}]}, {("/lines/0/quantity", "wrong-type")}),
    ("1 is no truth", {**GOOD, "paid": 1}, {("/paid", "wrong-type")}),
    ("an unknown choice", {**GOOD, "colour": "blue"}, {("/colour", "invalid-choice")}),
    ("a time without zone", {**GOOD, "due": "2026-02-28T12:00:00"}, {("/due", "timezone-required")}),
    ("no such day", {**GOOD, "due": "2026-02-29T12:00:00Z"}, {("/due", "invalid-format")}),
    ("NUL in a list", {**GOOD, "tags": ["a", "b\0"]}, {("/tags/1", "nul-character")}),
    ("NUL in a mapping", {**GOOD, "notes": {"a": "\0"}}, {("/notes/a", "nul-character")}),
    ("NUL in a key", {**GOOD, "notes": {"\0": "a"}}, {("/notes/\0", "nul-character")}),
    ("a fault between fields", {**GOOD, "paid": True, "due": "2026-02-28T12:00:00Z"}, {("/due", "not-both")}),
    (
        "every entry of a mapping has its own fault",
        {**GOOD, "limits": {"a": 0, "b/c~d": "1", "e": 1}},
        {("/limits/a", "out-of-range"), ("/limits/b~1c~0d", "wrong-type"), ("/limits", "invalid-length")},
    ),
    ("a mapping is a list", {**GOOD, "limits": []}, {("/limits", "wrong-type")}),
    (
        "every fault of the chosen kind",
        {**GOOD, "payment": {"by/with": "transfer", "iban": 1, "urgent": 1, "digits": "1234"}},
        {
            ("/payment/iban", "wrong-type"),
            ("/payment/urgent", "wrong-type"),
            ("/payment/digits", "unknown-field"),
        },
    ),
    ("no kind is chosen", {**GOOD, "payment": {"iban": 1}}, {("/payment/by~1with", "required")}),
    ("no such kind", {**GOOD, "payment": {"by/with": "cash"}}, {("/payment/by~1with", "invalid-choice")}),
    ("a kind is a text", {**GOOD, "payment": {"by/with": []}}, {("/payment/by~1with", "wrong-type")}),
    ("a kind is an object", {**GOOD, "payment": "card"}, {("/payment", "wrong-type")}),
    (
        "a list of several kinds",
        {**GOOD, "payments": [{"by/with": "card", "digits": "1"}, {"by/with": "transfer"}, None]},
        {
            ("/payments/0/digits", "invalid-length"),
            ("/payments/1/iban", "required"),
            ("/payments/2", "wrong-type"),
        },
    ),
    (
        "in a union JSON's own type decides: an array",
        {**GOOD, "either": [{**LINE, "quantity": 0}, {**LINE, "note": 1}]},
        {("/either/0/quantity", "out-of-range"), ("/either/1/note", "wrong-type")},
    ),
    (
        "in a union JSON's own type decides: an object",
        {**GOOD, "either": {**SHIP_TO, "street": "", "country": "at"}},
        {("/either/street", "too-short"), ("/either/country", "invalid-country")},
    ),
    ("in a union JSON's own type decides: neither", {**GOOD, "either": "x"}, {("/either", "wrong-type")}),
    (
        "a struct in itself",
        {**GOOD, "parts": [{"name": "a", "parts": [{"parts": [{"name": 1, "x": 1}]}]}]},
        {
            ("/parts/0/parts/0/name", "required"),
            ("/parts/0/parts/0/parts/0/name", "wrong-type"),
            ("/parts/0/parts/0/parts/0/x", "unknown-field"),
        },
    ),
    (
        "every line has its own fault",
        {**GOOD, "lines": [{**LINE, "quantity": 0}, {"quantity": 1_000_001}, {**LINE, "note": "toolong", "x": 1}]},
        {
            ("/lines/0/quantity", "out-of-range"),
            ("/lines/1/quantity", "out-of-range"),
            ("/lines/1/price", "required"),
            ("/lines/2/note", "invalid-length"),
            ("/lines/2/x", "unknown-field"),
        },
    ),
    (
        "faults inside a value beside faults around it",
        {"email": "x", "lines": [LINE], "ship_to": {**SHIP_TO, "country": "at", "street": ""}, "colour": 1, "x": 1},
        {
            ("/email", "invalid-email"),
            ("/ship_to/country", "invalid-country"),
            ("/ship_to/street", "too-short"),
            ("/colour", "wrong-type"),
            ("/x", "unknown-field"),
        },
    ),
    (
        "what a value says of its readable fields",
        {**GOOD, "ship_to": {"street": "", "city": 1, "country": "AT"}},
        {("/ship_to/street", "too-short"), ("/ship_to/city", "wrong-type"), ("/ship_to/postal_code", "required")},
    ),
    (
        "a fault between fields beside another one",
        {**GOOD, "paid": True, "due": "2026-02-28T12:00:00Z", "colour": "blue", "x": 1},
        {("/due", "not-both"), ("/colour", "invalid-choice"), ("/x", "unknown-field")},
    ),
]


@pytest.mark.parametrize(("body", "expected"), [pytest.param(b, f, id=name) for name, b, f in FAULTY])
def test_every_fault_is_named_at_once(body: Any, expected: set[tuple[str, str]]) -> None:
    """Each with the JSON pointer to where it is and a stable slug, none twice."""
    assert faults(body) == expected


MIB = 1024 * 1024
HOSTILE: dict[str, bytes] = {
    "too many items": b'{"lines": [' + b"{}," * (MIB // 3 - 10) + b"{}]}",
    "bad items without a limit": b'{"tags": [' + b"0," * (MIB // 2 - 10) + b"0]}",
    "unknown fields": b"{" + b",".join(b'"%x": 0' % number for number in range(MIB // 12)) + b"}",
    "bad names": b'{"limits": {' + b",".join(b'"%x": 0' % number for number in range(MIB // 12)) + b"}}",
    "a long unknown name": b'{"' + b"x" * (MIB - 10) + b'": 0}',
    "a long choice": b'{"colour": "' + b"x" * (MIB - 20) + b'"}',
    "a long name of a mapping": b'{"limits": {"' + b"/" * (MIB - 30) + b'": 0}}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=list(HOSTILE))
def test_the_answer_to_a_hostile_body_is_small(body: bytes) -> None:
    """A body of one MiB may have half a million faults: a hundred are named, in few kilobytes, and it says so."""
    with pytest.raises(Invalid) as refusal:
        decode_body(body, Cart)

    named = refusal.value.faults
    assert 0 < len(named) <= 100
    assert sum(len(fault.pointer) + len(fault.detail) for fault in named) < 20_000
    assert len(named) < 100 or "first 100 faults" in refusal.value.detail


@pytest.mark.parametrize("body", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_body_is_not_read_to_its_end(body: bytes) -> None:
    """Half a million faults take seconds to find: a few hundred are enough to refuse it."""
    found: list[Fault] = []

    reader_of(Cart).read(msgspec.json.decode(body), "", found)

    assert 0 < len(found) < 300


def test_a_long_name_given_twice_is_not_told_in_full() -> None:
    """What was sent once is not sent back as long as it is."""
    name = b'"' + b"x" * 10_000 + b'":0'

    with pytest.raises(MalformedJson) as refusal:
        decode_body(b"{" + name + b"," + name + b"}", Cart)

    assert len(refusal.value.detail) < 300


@pytest.mark.parametrize("currency", ["eur", "XAU", "EURO", "€", "", 1, None, "EUR "])
def test_a_currency_is_an_active_one_in_capitals(currency: Any) -> None:
    """Money of no real currency is refused where it stands."""
    body = {**GOOD, "lines": [{**LINE, "price": {"amount": 1, "currency": currency}}]}

    assert {pointer for pointer, _ in faults(body)} == {"/lines/0/price/currency"}


@pytest.mark.parametrize("amount", [10**15, -(10**15), 1.5, "1", True, None, 10**30])
def test_an_amount_is_an_integer_below_a_quadrillion(amount: Any) -> None:
    """Floats, texts, truths and amounts beyond the limit are refused where they stand."""
    body = {**GOOD, "lines": [{**LINE, "price": {"amount": amount, "currency": "EUR"}}]}

    assert {pointer for pointer, _ in faults(body)} == {"/lines/0/price/amount"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"{} 1", id="more than one"),
        pytest.param(b"nan", id="nan"),
        pytest.param(b'{"email": Infinity}', id="Infinity"),
        pytest.param(b'{"email": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"email": "\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"\\udc00": 1}', id="a lone surrogate in a key"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="a deep list"),
        pytest.param(b'{"a":' * 100_000, id="a deep object"),
        pytest.param(b"[" * 200 + b"]" * 200, id="a list as deep as no body of ours"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param(b'{"email": "a@example.com", "email": "b@example.com"}', id="a field twice"),
        pytest.param(b'{"email": 1, "em\\u0061il": 1}', id="a field twice, once escaped"),
        pytest.param(b'[{"a": {"b": ":", "b": ":"}}]', id="a field twice, deep inside"),
        pytest.param(b'{"a": 1' + b"0" * 4299 + b', "a": 1}', id="a field twice beside a number of 4,300 digits"),
        pytest.param(b'{"email": 1e999}', id="a number beyond all bounds"),
    ],
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    """400, whatever is wrong with it."""
    with pytest.raises(MalformedJson):
        decode_body(body, Cart)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a:b": ":", "c": {"a:b": "\\":"}}',
        b'{"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 1}]}',
        b'{"\\\\": "\\\\", "\\"": "::"}',
    ],
)
def test_a_name_in_two_places_is_no_duplicate(body: bytes) -> None:
    """Nor is a colon in a text a field."""
    assert {code for _, code in faults(json.loads(body))} >= {"unknown-field"}


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("payment", {"by/with": "card", "digits": "1234"}, Card("1234")),
        ("payment", {"by/with": "transfer", "iban": "AT"}, Transfer("AT")),
        ("payment", None, None),
        ("either", 1, 1),
        ("either", [], []),
        ("either", SHIP_TO, Address(**SHIP_TO)),
        ("limits", {"a": 1}, {"a": 1}),
        ("parts", [{"name": "a", "parts": [{"name": "b"}]}], [Part("a", [Part("b")])]),
    ],
)
def test_what_is_one_of_several_is_read_as_that(field: str, value: Any, read: Any) -> None:
    """Unions, mappings and structs in themselves."""
    assert getattr(decode({**GOOD, field: value}), field) == read


NAMES = [
    *("email", "lines", "ship_to", "colour", "due", "paid", "tags", "notes", "label"),
    *("quantity", "price", "note", "amount", "currency", "street", "country", "a/b~c", ""),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(NAMES), json_values))
def test_any_json_is_decoded_or_refused(body: dict[str, Any]) -> None:
    """No JSON makes the decoder fail in another way than naming faults, each inside the body."""
    named = [fault.pointer for fault in refusal_of(json.dumps(body).encode())]

    assert all(pointer == "" or pointer.startswith("/") for pointer in named)


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    """Nor do any bytes."""
    refusal_of(body)


def refusal_of(body: bytes) -> Sequence[Fault]:
    """The faults of a body, none when it is good or no JSON; anything else is an error and fails the test."""
    try:
        decode_body(body, Cart)
    except Invalid as refusal:
        return refusal.faults
    except MalformedJson:
        pass
    return ()
