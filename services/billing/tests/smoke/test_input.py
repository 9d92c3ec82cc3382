"""Bad input to the routes of Billing: named fault by fault, and never a 500."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from billing_rooms import INVOICES, PAYMENTS, World, path_of
from promenade_billing.invoice.entity import Invoice
from promenade_chassis.testing.answers import faults_of, problem_of

JSON = {"Content-Type": "application/json"}
ID = "01980000-0000-7000-8000-000000000000"


def pay(**more: Any) -> dict[str, Any]:
    return {"invoice_id": ID, "method": "pm_ok", **more}


FAULTY: list[tuple[str, Any, set[tuple[str, str]]]] = [
    ("nothing", {}, {("/invoice_id", "required"), ("/method", "required")}),
    ("a list", [], {("", "wrong-type")}),
    ("null", None, {("", "wrong-type")}),
    ("no id", pay(invoice_id="1"), {("/invoice_id", "invalid-format")}),
    ("an id that is a number", pay(invoice_id=1), {("/invoice_id", "wrong-type")}),
    ("an unknown method", pay(method="pm_gold"), {("/method", "unknown-method")}),
    ("an empty method", pay(method=""), {("/method", "invalid-length")}),
    ("a method with NUL", pay(method="pm_ok\0"), {("/method", "nul-character")}),
    ("an amount that is a number", pay(amount=1), {("/amount", "wrong-type")}),
    ("a fraction", pay(amount={"amount": 1.5, "currency": "EUR"}), {("/amount/amount", "wrong-type")}),
    ("a text", pay(amount={"amount": "1", "currency": "EUR"}), {("/amount/amount", "wrong-type")}),
    ("too much", pay(amount={"amount": 10**15, "currency": "EUR"}), {("/amount/amount", "amount-out-of-range")}),
    ("a test currency", pay(amount={"amount": 1, "currency": "XTS"}), {("/amount/currency", "unsupported-currency")}),
    ("a small currency", pay(amount={"amount": 1, "currency": "eur"}), {("/amount/currency", "unknown-currency")}),
    ("half an amount", pay(amount={"amount": 1}), {("/amount/currency", "required")}),
    (
        "many faults",
        {"invoice_id": None, "method": 1, "amount": {"amount": True, "x": 1}, "colour": 1},
        {
            ("/invoice_id", "wrong-type"),
            ("/method", "wrong-type"),
            ("/amount/amount", "wrong-type"),
            ("/amount/currency", "required"),
            ("/amount/x", "unknown-field"),
            ("/colour", "unknown-field"),
        },
    ),
]


@pytest.fixture
async def invoice(world: World, user_id: UUID) -> Invoice:
    """An invoice of the client's over 30.00."""
    return await world.place(user_id)


@pytest.mark.parametrize(("body", "faults"), [pytest.param(b, f, id=name) for name, b, f in FAULTY])
async def test_all_faults_of_a_payment_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """422 lists every fault with its JSON pointer and slug, and nothing is charged."""
    answer = await client.post(PAYMENTS, content=json.dumps(body), headers=JSON)

    assert faults_of(answer) == faults
    assert (await client.get(PAYMENTS)).json()["items"] == []


@pytest.mark.parametrize(
    ("amount", "fault"),
    [
        ({"amount": 0, "currency": "EUR"}, ("/amount/amount", "out-of-range")),
        ({"amount": -1, "currency": "EUR"}, ("/amount/amount", "out-of-range")),
        ({"amount": 1, "currency": "USD"}, ("/amount/currency", "currency-mismatch")),
    ],
)
async def test_amounts_that_are_none_of_this_invoice(
    client: httpx.AsyncClient, invoice: Invoice, amount: dict[str, Any], fault: tuple[str, str]
) -> None:
    """Nothing, less than nothing and other money are faults of the input."""
    answer = await client.post(PAYMENTS, json=pay(invoice_id=str(invoice.id), amount=amount))

    assert faults_of(answer) == {fault}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("/reason", "required")),
        ({"reason": ""}, ("/reason", "invalid-length")),
        ({"reason": "x" * 501}, ("/reason", "invalid-length")),
        ({"reason": None}, ("/reason", "wrong-type")),
        ({"reason": "a\0"}, ("/reason", "nul-character")),
        ({"reason": "x", "force": True}, ("/force", "unknown-field")),
    ],
)
async def test_voiding_needs_a_reason(
    client: httpx.AsyncClient, invoice: Invoice, staff: dict[str, str], body: Any, fault: tuple[str, str]
) -> None:
    """A text of 1 to 500 characters, and nothing else."""
    answer = await client.post(path_of(invoice, "void"), json=body, headers=staff)

    assert faults_of(answer) == {fault}


@pytest.mark.parametrize("path", [f"{INVOICES}/{ID}/accept", f"{PAYMENTS}/{ID}/confirm"])
async def test_a_command_without_fields_takes_none(client: httpx.AsyncClient, staff: dict[str, str], path: str) -> None:
    """A command's body may be absent or `{}`; a field in it is unknown."""
    answer = await client.post(path, json={"force": True}, headers=staff)

    assert faults_of(answer) == {("/force", "unknown-field")}


@pytest.mark.parametrize("body", [b"{", b"a=b", b"[" * 100_000, b"\x00", b'{"method": NaN}', b'{"method": "\xff"}'])
@pytest.mark.parametrize("path", [PAYMENTS, f"{INVOICES}/{ID}/void"])
async def test_what_is_not_json_is_refused(
    client: httpx.AsyncClient, staff: dict[str, str], path: str, body: bytes
) -> None:
    """A body that is not JSON answers 400, whatever is wrong with it."""
    problem_of(await client.post(path, content=body, headers={**staff, **JSON}), 400, "malformed-json")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1" * 5000, "1e3", "-0", "0.5"])
async def test_numbers_that_are_no_amounts(client: httpx.AsyncClient, invoice: Invoice, number: str) -> None:
    """Numbers beyond every range, and floats, are refused as input, never a fault of ours."""
    body = f'{{"invoice_id": "{invoice.id}", "method": "pm_ok", "amount": {{"amount": {number}, "currency": "EUR"}}}}'

    answer = await client.post(PAYMENTS, content=body, headers=JSON)

    assert answer.status_code in (400, 422), answer.text
    problem_of(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "query",
    [
        *("colour=1", "Status=open", "sort=total", "user_id=" + ID),
        *("limit=0", "limit=101", "limit=x", "cursor=x", "cursor="),
    ],
)
@pytest.mark.parametrize("path", [INVOICES, PAYMENTS])
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, path: str, query: str) -> None:
    """Unknown parameters, values out of range and cursors that no list made answer 400."""
    answer = await client.get(f"{path}?{query}")

    problem_of(answer, 400, answer.json()["code"])


@pytest.mark.parametrize(
    "query",
    [
        *("status=lost", "status=", "status=OPEN", "customer_id=1", "order_id=x", "order_id=", "overdue=maybe"),
        *("issued_from=yesterday", "issued_from=2026-03-01", "issued_from=2026-03-01T12:00:00", "issued_to="),
        *("issued_to=2026-02-30T00:00:00Z", "issued_to=99999-01-01T00:00:00Z", "issued_to=1" + "0" * 400),
        "issued_from=nan",
    ],
)
async def test_filters_of_invoices_are_checked(client: httpx.AsyncClient, world: World, query: str) -> None:
    """Half a date, a date without an offset, and what is no id or status answer 400."""
    answer = await client.get(f"{INVOICES}?{query}")

    problem_of(answer, 400, "invalid-parameter")


@pytest.mark.parametrize("query", ["status=open", "status=", "invoice_id=1", "invoice_id="])
async def test_filters_of_payments_are_checked(client: httpx.AsyncClient, query: str) -> None:
    """What is no id or no status of payments answers 400."""
    problem_of(await client.get(f"{PAYMENTS}?{query}"), 400, "invalid-parameter")


@pytest.mark.parametrize("number", ["", "INV", "x" * 4000, "😀", "' OR 1=1 --", "%25"])
async def test_a_number_nobody_has(client: httpx.AsyncClient, invoice: Invoice, number: str) -> None:
    """Any text may be asked for as a number; nothing is found."""
    answer = await client.get(INVOICES, params={"number": number})

    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("id_", ["1", "x", "%00", "%FF", "..", "018f" + "0" * 30, "0" * 4000])
@pytest.mark.parametrize("path", [INVOICES, PAYMENTS])
async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient, path: str, id_: str) -> None:
    """A path that names no id answers 404."""
    problem_of(await client.get(f"{path}/{id_}"), 404, "not-found")
