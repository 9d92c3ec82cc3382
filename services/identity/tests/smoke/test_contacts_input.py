"""Bad input to the routes of contacts: named fault by fault, and never a 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from identity_contacts import ADDRESS, CONTACTS, add, email_contact, path_of
from promenade_chassis.testing.answers import faults_of, problem_of

JSON = {"Content-Type": "application/json"}
MINE = "ada@example.com"

FAULTY: list[tuple[str, Any, set[tuple[str, str]]]] = [
    ("nothing", {}, {("/type", "required")}),
    ("a list", [], {("", "wrong-type")}),
    ("a text", "email", {("", "wrong-type")}),
    ("null", None, {("", "wrong-type")}),
    ("unknown type", {"type": "fax"}, {("/type", "invalid-choice")}),
    ("type is a number", {"type": 1}, {("/type", "wrong-type")}),
    ("value missing", {"type": "email"}, {("/email", "required")}),
    ("value of another type", {"type": "email", "email": MINE, "phone": "+436601234567"}, {("/phone", "not-of-type")}),
    ("value null", {"type": "phone", "phone": None}, {("/phone", "required")}),
    ("not an email", {"type": "email", "email": "ada"}, {("/email", "invalid-email")}),
    ("email is a number", {"type": "email", "email": 1}, {("/email", "not-a-text")}),
    ("not a phone", {"type": "phone", "phone": "0660"}, {("/phone", "invalid-phone")}),
    ("label empty", {"type": "email", "email": MINE, "label": ""}, {("/label", "invalid-length")}),
    ("label long", {"type": "email", "email": MINE, "label": "x" * 101}, {("/label", "invalid-length")}),
    ("label with NUL", {"type": "email", "email": MINE, "label": "a\0b"}, {("/label", "nul-character")}),
    ("email with NUL", {"type": "email", "email": "a\0@example.com"}, {("/email", "nul-character")}),
    ("unknown field", {"type": "email", "email": MINE, "colour": 1}, {("/colour", "unknown-field")}),
    ("field to escape", {"type": "email", "email": MINE, "a/b~c": 1}, {("/a~1b~0c", "unknown-field")}),
    (
        "an address with five faults",
        {"type": "address", "address": {"street": "", "city": 1, "postal_code": "x" * 21, "colour": 1}},
        {
            ("/address/street", "too-short"),
            ("/address/city", "wrong-type"),
            ("/address/postal_code", "too-long"),
            ("/address/country", "required"),
            ("/address/colour", "unknown-field"),
        },
    ),
    (
        "an address whose texts are wrong",
        {"type": "address", "address": {**ADDRESS, "street": " ", "country": "at", "region": "a\nb"}},
        {
            ("/address/street", "too-short"),
            ("/address/country", "invalid-country"),
            ("/address/region", "control-character"),
        },
    ),
    (
        "faults of fields and between fields",
        {"type": "email", "label": "", "phone": "+436601234567", "colour": 1},
        {("/email", "required"), ("/phone", "not-of-type"), ("/label", "invalid-length"), ("/colour", "unknown-field")},
    ),
]


@pytest.mark.parametrize(("body", "faults"), [pytest.param(b, f, id=name) for name, b, f in FAULTY])
async def test_all_faults_of_a_contact_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """422 lists every fault with its JSON pointer and slug, not the first alone, and nothing is stored."""
    answer = await client.post(CONTACTS, content=json.dumps(body), headers=JSON)

    assert faults_of(answer) == faults
    assert (await client.get(CONTACTS)).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        pytest.param({"email": None}, {("/email", "not-a-text")}, id="a value cannot be cleared"),
        pytest.param({"phone": "+436601234567"}, {("/phone", "not-of-type")}, id="the type stays"),
        pytest.param(
            {"phone": "+436601234567", "address": ADDRESS},
            {("/phone", "not-of-type"), ("/address", "not-of-type")},
            id="two values of other types",
        ),
        pytest.param({"type": "phone"}, {("/type", "unknown-field")}, id="type is not a field to change"),
        pytest.param(
            {"is_primary": True, "version": 9, "label": 1},
            {("/is_primary", "unknown-field"), ("/version", "unknown-field"), ("/label", "wrong-type")},
            id="what only commands change",
        ),
    ],
)
async def test_all_faults_of_a_change_are_named_at_once(
    client: httpx.AsyncClient, body: Any, faults: set[tuple[str, str]]
) -> None:
    """PATCH takes the value and the label, and nothing else; a refused change leaves the contact alone."""
    contact = await add(client)

    answer = await client.patch(path_of(contact), json=body)

    assert faults_of(answer) == faults
    assert (await client.get(path_of(contact))).json() == contact


@pytest.mark.parametrize("command", ["restore", "send-code", "make-primary"])
async def test_a_command_without_fields_takes_none(client: httpx.AsyncClient, command: str) -> None:
    """A command's body may be absent or `{}`; a field in it is unknown."""
    contact = await add(client)

    answer = await client.post(path_of(contact, command), json={"force": True})

    assert faults_of(answer) == {("/force", "unknown-field")}


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": "1" * 21}, {"code": 123456}, {"code": "1", "x": 1}])
async def test_verify_takes_a_code(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """A body without a code that could be one is a fault of the body, not a counted try."""
    contact = await add(client)

    assert faults_of(await client.post(path_of(contact, "verify"), json=body))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"email=a", id="a form"),
        pytest.param(b'{"type": "email",}', id="trailing comma"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b'{"label": NaN}', id="NaN"),
        pytest.param(b'{"label": "\xff\xfe"}', id="not UTF-8"),
        pytest.param(b'{"label": "\xed\xa0\x80"}', id="an encoded surrogate"),
        pytest.param(b'{"label": "\\ud800"}', id="a lone surrogate"),
        pytest.param(b'{"label": "\\ud800x\\udc00"}', id="a torn pair of surrogates"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, id="deep objects"),
        pytest.param("{}".encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x00", id="NUL"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_is_not_json_is_refused(client: httpx.AsyncClient, method: str, body: bytes) -> None:
    """A body that is not JSON answers 400, whatever is wrong with it."""
    path = CONTACTS if method == "POST" else path_of(await add(client))

    answer = await client.request(method, path, content=body, headers=JSON)

    problem_of(answer, 400, "malformed-json")


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1" * 5000, "0.1e-400", "-0"])
@pytest.mark.parametrize("field", ["label", "email", "type", "colour"])
async def test_huge_numbers_are_client_errors(client: httpx.AsyncClient, field: str, number: str) -> None:
    """Numbers beyond every range are refused as input, never a fault of ours."""
    answer = await client.post(CONTACTS, content=f'{{"{field}": {number}}}', headers=JSON)

    assert answer.status_code in (400, 422), answer.text
    problem_of(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("label", ["שלום עולם", "مرحبا", "👩‍👩‍👧‍👦", "a\u202eb", "\ufeff", "e\u0301", "日本語"])
async def test_any_script_is_kept(client: httpx.AsyncClient, label: str) -> None:
    """Right-to-left names, emoji and combining characters come back as they were sent."""
    created = await add(client, email_contact(label=label))

    assert (await client.get(path_of(created))).json()["label"] == label


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "x", ""])
@pytest.mark.parametrize("command", ["", "verify", "make-primary"])
async def test_another_content_type_is_refused(client: httpx.AsyncClient, command: str, media_type: str) -> None:
    """A body that does not say it is JSON answers 415."""
    path = path_of(await add(client), command) if command else CONTACTS

    answer = await client.post(path, content=b"{}", headers={"Content-Type": media_type})

    problem_of(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]
)
async def test_json_may_be_named_in_other_ways(client: httpx.AsyncClient, media_type: str) -> None:
    """Parameters, case and the +json suffix do not matter."""
    contact = await add(client)

    answer = await client.patch(path_of(contact), content=b'{"label": "x"}', headers={"Content-Type": media_type})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=1", "unknown-parameter"),
        ("Limit=1", "unknown-parameter"),
        ("limit=0", "invalid-parameter"),
        ("limit=101", "invalid-parameter"),
        ("limit=ten", "invalid-parameter"),
        ("limit=", "invalid-parameter"),
        ("limit=" + "9" * 5000, "invalid-parameter"),
        ("type=fax", "invalid-parameter"),
        ("user_id=1", "invalid-parameter"),
        ("type=email%00", "bad-request"),
        ("cursor=", "bad-cursor"),
        ("cursor=!", "bad-cursor"),
        ("cursor=AAAA", "bad-cursor"),
        ("cursor=" + "A" * 24, "bad-cursor"),
        ("cursor=%F0%9F%98%80", "bad-cursor"),
    ],
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    """Unknown parameters, values out of range and cursors that no list made answer 400."""
    problem_of(await client.get(f"{CONTACTS}?{query}"), 400, code)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_every_route_refuses_unknown_parameters(client: httpx.AsyncClient, method: str) -> None:
    """Parameters are refused, never ignored, also where a route knows none."""
    path = CONTACTS if method == "POST" else path_of(await add(client))

    answer = await client.request(method, f"{path}?debug=1", **({} if method in ("GET", "DELETE") else {"json": {}}))

    problem_of(answer, 400, "unknown-parameter")


@pytest.mark.parametrize("id_", ["1", "x", "%00", "%FF", "..", "018f" + "0" * 30, "0" * 4000])
async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient, id_: str) -> None:
    """A path that names no id answers 404."""
    problem_of(await client.get(f"{CONTACTS}/{id_}"), 404, "not-found")
