"""Bad input to the routes of customers: named fault by fault, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from customer_rooms import ADDRESS, CUSTOMERS, add, path_of
from promenade_chassis.testing.answers import faults_of, problem_of

JSON = {"Content-Type": "application/json"}

FAULTY: list[tuple[str, Any, set[tuple[str, str]]]] = [
    ("nothing", {}, {("/name", "required")}),
    ("a list", [], {("", "wrong-type")}),
    ("null", None, {("", "wrong-type")}),
    ("name null", {"name": None}, {("/name", "not-a-text")}),
    ("name empty", {"name": ""}, {("/name", "too-short")}),
    ("name of spaces", {"name": " \t "}, {("/name", "too-short")}),
    ("name long", {"name": "x" * 201}, {("/name", "too-long")}),
    ("name of two lines", {"name": "a\nb"}, {("/name", "control-character")}),
    ("name with NUL", {"name": "a\0b"}, {("/name", "nul-character")}),
    ("unknown currency", {"name": "Ada", "currency": "XAU"}, {("/currency", "unsupported-currency")}),
    ("lower-case currency", {"name": "Ada", "currency": "eur"}, {("/currency", "unknown-currency")}),
    ("no time zone", {"name": "Ada", "timezone": "Mars/Olympus"}, {("/timezone", "invalid-timezone")}),
    ("tags not a list", {"name": "Ada", "tags": "vip"}, {("/tags", "wrong-type")}),
    ("too many tags", {"name": "Ada", "tags": [str(n) for n in range(51)]}, {("/tags", "invalid-length")}),
    (
        "bad tags",
        {"name": "Ada", "tags": ["", "x" * 51, "a/b", 1, "vip"]},
        {
            ("/tags/0", "too-short"),
            ("/tags/1", "too-long"),
            ("/tags/2", "invalid-tag"),
            ("/tags/3", "not-a-text"),
        },
    ),
    (
        "what only commands and events change",
        {"name": "Ada", "lifecycle": "customer", "user_id": "x", "version": 9, "id": "x", "source": "me"},
        {
            ("/lifecycle", "unknown-field"),
            ("/user_id", "unknown-field"),
            ("/version", "unknown-field"),
            ("/id", "unknown-field"),
            ("/source", "unknown-field"),
        },
    ),
    (
        "everything at once",
        {
            "email": "ada",
            "phone": "0660",
            "tier": "gold",
            "owner_id": "me",
            "currency": 1,
            "timezone": 1,
            "billing_address": {**ADDRESS, "street": " ", "country": "at"},
            "colour": 1,
        },
        {
            ("/name", "required"),
            ("/email", "invalid-email"),
            ("/phone", "invalid-phone"),
            ("/tier", "invalid-choice"),
            ("/owner_id", "invalid-format"),
            ("/currency", "not-a-text"),
            ("/timezone", "not-a-text"),
            ("/billing_address/street", "too-short"),
            ("/billing_address/country", "invalid-country"),
            ("/colour", "unknown-field"),
        },
    ),
]


@pytest.mark.parametrize(("body", "faults"), [pytest.param(b, f, id=name) for name, b, f in FAULTY])
async def test_all_faults_of_a_customer_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """422 lists every fault with its JSON pointer and slug, not the first alone, and nothing is stored."""
    answer = await client.post(CUSTOMERS, content=json.dumps(body), headers=JSON)

    assert faults_of(answer) == faults
    assert (await client.get(CUSTOMERS)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        pytest.param({"name": None}, {("/name", "not-a-text")}, id="the name cannot be cleared"),
        pytest.param({"tags": None}, {("/tags", "wrong-type")}, id="tags cannot be cleared by null"),
        pytest.param(
            {"tier": "pro", "lifecycle": "customer", "email": "x", "timezone": "x"},
            {
                ("/tier", "unknown-field"),
                ("/lifecycle", "unknown-field"),
                ("/email", "invalid-email"),
                ("/timezone", "invalid-timezone"),
            },
            id="what has routes of its own",
        ),
    ],
)
async def test_all_faults_of_a_change_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """A refused change leaves the customer alone."""
    customer = await add(client)

    assert faults_of(await client.patch(path_of(customer), json=body)) == faults
    assert (await client.get(path_of(customer))).json() == customer


@pytest.mark.parametrize(
    ("method", "command", "body", "faults"),
    [
        ("PUT", "tier", {}, {("/tier", "required")}),
        ("PUT", "tier", {"tier": None}, {("/tier", "wrong-type")}),
        ("PUT", "tier", {"tier": "gold", "x": 1}, {("/tier", "invalid-choice"), ("/x", "unknown-field")}),
        ("POST", "assign", {}, {("/owner_id", "required")}),
        ("POST", "assign", {"owner_id": 7}, {("/owner_id", "wrong-type")}),
        ("POST", "disqualify", {}, {("/reason", "required")}),
        ("POST", "disqualify", {"reason": " "}, {("/reason", "invalid-format")}),
        ("POST", "churn", {"reason": "x" * 501}, {("/reason", "invalid-length")}),
        ("POST", "churn", {"reason": "a\0b"}, {("/reason", "nul-character")}),
        ("POST", "churn", {"reason": ["a"]}, {("/reason", "wrong-type")}),
        ("POST", "qualify", {"reason": "x"}, {("/reason", "unknown-field")}),
        ("POST", "recycle", {"force": True}, {("/force", "unknown-field")}),
        ("POST", "convert", [], {("", "wrong-type")}),
        ("POST", "reactivate", {"x": 1}, {("/x", "unknown-field")}),
        ("POST", "restore", {"x": 1}, {("/x", "unknown-field")}),
        ("PUT", "tags/vip", {"x": 1}, {("/x", "unknown-field")}),
    ],
)
async def test_a_command_takes_what_it_names(
    client: httpx.AsyncClient, method: str, command: str, body: Any, faults: set[tuple[str, str]]
) -> None:
    """Missing, wrong and unknown fields of commands are faults of the body, before the state is looked at."""
    customer = await add(client)

    assert faults_of(await client.request(method, path_of(customer, command), json=body)) == faults


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"name=a", id="a form"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b'{"name": NaN}', id="NaN"),
        pytest.param(b'{"name": "\xff\xfe"}', id="not UTF-8"),
        pytest.param(b'{"name": "\\ud800"}', id="a lone surrogate"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"\x00", id="NUL"),
    ],
)
@pytest.mark.parametrize(
    ("method", "command"),
    [("POST", None), ("PATCH", ""), ("PUT", "tier"), ("POST", "churn"), ("POST", "qualify"), ("POST", "assign")],
)
async def test_what_is_not_json_is_refused(
    client: httpx.AsyncClient, method: str, command: str | None, body: bytes
) -> None:
    """A body that is not JSON answers 400, whatever is wrong with it."""
    path = CUSTOMERS if command is None else path_of(await add(client), command)

    problem_of(await client.request(method, path, content=body, headers=JSON), 400, "malformed-json")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 5000, "0.1e-400", "-0"])
@pytest.mark.parametrize("field", ["name", "email", "tier", "tags", "owner_id", "billing_address", "colour"])
async def test_huge_numbers_are_client_errors(client: httpx.AsyncClient, field: str, number: str) -> None:
    """Numbers beyond every range are refused as input, never a fault of ours."""
    answer = await client.post(CUSTOMERS, content=f'{{"{field}": {number}}}', headers=JSON)

    assert answer.status_code in (400, 422), answer.text
    problem_of(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("name", ["שלום עולם", "مرحبا", "👩‍👩‍👧‍👦", "a\u202eb", "日本語", "'; DROP TABLE customer; --"])
async def test_any_script_is_kept(client: httpx.AsyncClient, name: str) -> None:
    """Right-to-left names and emoji come back as they were sent, and are found again."""
    customer = await add(client, name=name)

    assert (await client.get(path_of(customer))).json()["name"] == name
    assert (await client.get(CUSTOMERS, params={"q": name})).json()["items"] == [customer]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "x", ""])
@pytest.mark.parametrize("command", ["", "churn", "qualify"])
async def test_another_content_type_is_refused(client: httpx.AsyncClient, command: str, media_type: str) -> None:
    """A body that does not say it is JSON answers 415."""
    path = path_of(await add(client), command) if command else CUSTOMERS

    answer = await client.post(path, content=b"{}", headers={"Content-Type": media_type})

    problem_of(answer, 415, "unsupported-media-type")
