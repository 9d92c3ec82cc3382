"""Nonsense sent to the routes of orders: numbers beyond every range, broken JSON, ids that are none."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from order_rooms import BASE, ORDERS, create, fulfillment_path, line, path_of
from promenade_chassis.testing.answers import faults_of, problem_of

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1" * 5000, "0.1e-400", "-0", "NaN", "1e2"])
@pytest.mark.parametrize("field", ["quantity", "amount", "tax_rate"])
async def test_huge_numbers_are_client_errors(client: httpx.AsyncClient, field: str, number: str) -> None:
    """Numbers beyond every range are refused as input, never a fault of ours."""
    price = f'{{"amount": {number if field == "amount" else 1}, "currency": "EUR"}}'
    rate, quantity = (number if field == "tax_rate" else '"0"'), (number if field == "quantity" else "1")
    about = f'"sku": "a", "name": "a", "quantity": {quantity}, "unit_price": {price}, "tax_rate": {rate}'
    body = f'{{"currency": "EUR", "lines": [{{{about}}}]}}'

    answer = await client.post(ORDERS, content=body, headers=JSON)

    allowed = (201, 400, 422) if (field, number) == ("amount", "-0") else (400, 422)
    assert answer.status_code in allowed, answer.text


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=1", "unknown-parameter"),
        ("user_id=018f0000-0000-7000-8000-000000000000", "unknown-parameter"),
        ("status=paid", "invalid-parameter"),
        ("payment_status=placed", "invalid-parameter"),
        ("fulfillment_status=", "invalid-parameter"),
        ("customer_id=me", "invalid-parameter"),
        ("placed_from=yesterday", "invalid-parameter"),
        ("placed_from=253402300800", "invalid-parameter"),
        ("placed_from=2026-02-30T00:00:00Z", "invalid-parameter"),
        ("placed_from=2026-01-01T00:00:00", "invalid-parameter"),
        ("placed_to=2026-01-01", "invalid-parameter"),
        ("number=%00", "bad-request"),
        ("limit=0", "invalid-parameter"),
        ("cursor=!", "bad-cursor"),
    ],
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    """Unknown filters and values that no order can have answer 400."""
    problem_of(await client.get(f"{ORDERS}?{query}"), 400, code)


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00", "2024-02-29T12:00:00+14:00"],
)
async def test_the_ends_of_time_are_times(client: httpx.AsyncClient, moment: str) -> None:
    """Any time with a zone filters."""
    await create(client)

    answer = await client.get(ORDERS, params={"placed_from": moment, "placed_to": moment})

    assert answer.status_code == 200


@pytest.mark.parametrize("id_", ["1", "x", "%00", "%FF", "..", "018f" + "0" * 30, "0" * 4000])
@pytest.mark.parametrize("under", ["", "/place", "/lines/x", "/timeline", "/process", "/fulfillments"])
async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient, id_: str, under: str) -> None:
    """A path that names no id answers 404, or 405 where another method would find something."""
    for collection in (ORDERS, f"{BASE}/fulfillments"):
        answer = await client.get(f"{collection}/{id_}{under}")
        assert answer.status_code in (404, 405), answer.text


@pytest.mark.parametrize("command", ["place", "release"])
async def test_a_command_without_fields_takes_none(
    client: httpx.AsyncClient, staff: dict[str, str], command: str
) -> None:
    """A command's body may be absent or `{}`; a field in it is unknown."""
    order = await create(client)

    answer = await client.post(path_of(order, command), json={"force": True}, headers=staff)

    assert faults_of(answer) == {("/force", "unknown-field")}


@pytest.mark.parametrize(
    "body", [{"reason": ""}, {"reason": "x" * 501}, {"reason": None}, {"reason": 1}, {"because": "x"}, []]
)
async def test_a_reason_is_a_text(client: httpx.AsyncClient, staff: dict[str, str], body: Any) -> None:
    """Holding takes a reason or nothing; so does the failure of a delivery."""
    order = await create(client)

    for path in (path_of(order, "hold"), fulfillment_path(order, "fail")):
        problem_of(await client.post(path, json=body, headers=staff), 422, "invalid")


@pytest.mark.parametrize(
    "body", [b"{", b"{} {}", b'{"currency": NaN}', b"\x00", b"[" * 100_000, b'{"note": "\\ud800"}'], ids=repr
)
async def test_what_is_not_json_is_refused(client: httpx.AsyncClient, staff: dict[str, str], body: bytes) -> None:
    """A body that is not JSON answers 400 on every kind of route."""
    order = await create(client)

    for method, path in [
        ("POST", ORDERS),
        ("POST", f"{ORDERS}/preview"),
        ("PATCH", path_of(order)),
        ("POST", path_of(order, "lines")),
    ]:
        answer = await client.request(method, path, content=body, headers={**JSON, "If-Match": "*"})
        problem_of(answer, 400, "malformed-json")


@pytest.mark.parametrize("text", ["שלום עולם", "مرحبا", "👩‍👩‍👧‍👦", "a\u202eb", "日本語", "e\u0301"])
async def test_any_script_is_kept(client: httpx.AsyncClient, text: str) -> None:
    """Names and notes come back in their normal form."""
    order = await create(client, note=text, lines=[line(name=text)])

    shown = (await client.get(path_of(order))).json()
    assert shown["note"] == text
    assert shown["lines"][0]["name"] in (text, "é")
