"""Bad input to the routes of orders: answered as the contract says, never with 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from order_rooms import ADDRESS, ORDERS, create, euro, if_match, line, order_body, path_of
from promenade_chassis.testing.answers import faults_of

JSON = {"Content-Type": "application/json"}
FAULTY: list[tuple[str, Any, set[tuple[str, str]]]] = [
    ("nothing", {}, {("/currency", "required")}),
    ("no object", [], {("", "wrong-type")}),
    ("a fund", {"currency": "CHE"}, {("/currency", "unsupported-currency")}),
    ("lower case", {"currency": "eur"}, {("/currency", "unknown-currency")}),
    (
        "unknown fields",
        {"currency": "EUR", "number": "ORD-1", "status": "placed"},
        {("/number", "unknown-field"), ("/status", "unknown-field")},
    ),
    (
        "every field of a line",
        {
            "currency": "EUR",
            "lines": [
                {
                    "sku": "",
                    "name": "a\nb",
                    "quantity": 0,
                    "unit_price": {"amount": 1.5, "currency": "EUR"},
                    "tax_rate": "1.1",
                    "x": 1,
                }
            ],
        },
        {
            ("/lines/0/sku", "too-short"),
            ("/lines/0/name", "control-character"),
            ("/lines/0/quantity", "out-of-range"),
            ("/lines/0/unit_price/amount", "wrong-type"),
            ("/lines/0/tax_rate", "invalid-rate"),
            ("/lines/0/x", "unknown-field"),
        },
    ),
    (
        "a line without anything",
        {"currency": "EUR", "lines": [{}]},
        {(f"/lines/0/{name}", "required") for name in ("sku", "name", "quantity", "unit_price", "tax_rate")},
    ),
    (
        "quantities",
        order_body(lines=[line(quantity=1_000_001), line(quantity="2"), line(quantity=True)]),
        {
            ("/lines/0/quantity", "out-of-range"),
            ("/lines/1/quantity", "wrong-type"),
            ("/lines/2/quantity", "wrong-type"),
        },
    ),
    (
        "rates",
        order_body(lines=[line(tax_rate=0.2), line(tax_rate="20%"), line(tax_rate="0.1234567")]),
        {
            ("/lines/0/tax_rate", "not-a-text"),
            ("/lines/1/tax_rate", "invalid-rate"),
            ("/lines/2/tax_rate", "invalid-rate"),
        },
    ),
    ("two discounts", order_body(discount={"percent": "10", "amount": euro(1)}), {("/discount", "invalid-discount")}),
    ("an empty discount", order_body(discount={}), {("/discount", "invalid-discount")}),
    ("percent", order_body(discount={"percent": "101"}), {("/discount/percent", "invalid-percent")}),
    ("negative discount", order_body(discount={"amount": euro(-1)}), {("/discount/amount", "negative-amount")}),
    (
        "too large a discount",
        order_body(lines=[line(discount={"amount": euro(2501)})]),
        {("/lines/0/discount", "discount-too-large")},
    ),
    ("negative price", order_body(lines=[line(unit_price=euro(-1))]), {("/lines/0/unit_price", "negative-amount")}),
    (
        "two currencies",
        order_body(lines=[line(), line(unit_price={"amount": 1, "currency": "USD"})]),
        {("/lines/1/unit_price", "currency-mismatch")},
    ),
    (
        "too much",
        order_body(lines=[line(quantity=1_000_000, unit_price=euro(10**14))]),
        {("/lines/0", "amount-out-of-range")},
    ),
    (
        "an amount beyond",
        order_body(lines=[line(unit_price=euro(10**15))]),
        {("/lines/0/unit_price/amount", "amount-out-of-range")},
    ),
    ("too many lines", order_body(lines=[line()] * 501), {("/lines", "invalid-length")}),
    (
        "shipping",
        order_body(shipping={"name": "", "price": euro(1)}),
        {("/shipping/name", "too-short"), ("/shipping/tax_rate", "required")},
    ),
    (
        "negative shipping",
        order_body(shipping={"name": "Post", "price": euro(-1), "tax_rate": "0"}),
        {("/shipping/price", "negative-amount")},
    ),
    (
        "address",
        order_body(shipping_address={**ADDRESS, "country": "at"}, billing_address={}),
        {
            ("/shipping_address/country", "invalid-country"),
            *((f"/billing_address/{name}", "required") for name in ("street", "city", "postal_code", "country")),
        },
    ),
    ("note", order_body(note=""), {("/note", "invalid-length")}),
    ("NUL", order_body(note="a\x00b"), {("/note", "nul-character")}),
    ("customer", order_body(customer_id="me"), {("/customer_id", "invalid-format")}),
    (
        "null where none may be",
        order_body(currency=None, lines=None, tax_inclusive=None),
        {("/currency", "not-a-text"), ("/lines", "wrong-type"), ("/tax_inclusive", "wrong-type")},
    ),
]


@pytest.mark.parametrize(("body", "faults"), [pytest.param(body, faults, id=name) for name, body, faults in FAULTY])
async def test_all_faults_of_an_order_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """422 lists every fault with pointer and slug, the same for a preview, and nothing is stored."""
    created = await client.post(ORDERS, content=json.dumps(body), headers=JSON)
    previewed = await client.post(f"{ORDERS}/preview", content=json.dumps(body), headers=JSON)

    assert faults_of(created) == faults
    assert faults_of(previewed) == faults
    assert (await client.get(ORDERS)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"currency": "USD"}, {("/currency", "unknown-field")}),
        ({"lines": None}, {("/lines", "wrong-type")}),
        (
            {"lines": [{}], "note": 1},
            {
                *((f"/lines/0/{name}", "required") for name in ("sku", "name", "quantity", "unit_price", "tax_rate")),
                ("/note", "wrong-type"),
            },
        ),
        ({"discount": {"amount": euro(2501)}}, {("/discount", "discount-too-large")}),
        ({"status": "placed", "totals": {}}, {("/status", "unknown-field"), ("/totals", "unknown-field")}),
    ],
)
async def test_all_faults_of_a_change_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """PATCH takes what a draft may change, and a refused change leaves the order alone."""
    order = await create(client)

    assert faults_of(await client.patch(path_of(order), json=body, headers=if_match(order))) == faults
    assert (await client.get(path_of(order))).json() == order


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"quantity": 0}, {("/quantity", "out-of-range")}),
        ({"unit_price": euro(-1)}, {("/unit_price", "negative-amount")}),
        ({"discount": {"amount": euro(2501)}}, {("/discount", "discount-too-large")}),
        ({"id": "x", "net": euro(1)}, {("/id", "unknown-field"), ("/net", "unknown-field")}),
        ({"sku": None, "tax_rate": None}, {("/sku", "not-a-text"), ("/tax_rate", "not-a-text")}),
    ],
)
async def test_all_faults_of_a_line_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """The pointers of a line's own routes point into the line, in a change and in a new one."""
    order = await create(client)
    path = path_of(order, "lines", order["lines"][0]["id"])

    assert faults_of(await client.patch(path, json=body)) == faults
    assert faults_of(await client.post(path_of(order, "lines"), json=line(**body))) == faults
