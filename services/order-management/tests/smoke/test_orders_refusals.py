"""What the routes of orders and fulfillments refuse because of who asks, or of the state of things."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from order_rooms import (
    BASE,
    ORDERS,
    create,
    euro,
    line,
    path_of,
    place,
)
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier

# Every route of one order: method, what follows its id, a body that would do, the permission of staff.
Route = tuple[str, str, dict[str, Any] | None, str]
OWN: list[Route] = [
    ("GET", "", None, "orders:read"),
    ("GET", "timeline", None, "orders:read"),
    ("GET", "process", None, "orders:read"),
    ("GET", "fulfillments", None, "fulfillments:read"),
    ("PATCH", "", {"note": "mine now"}, "orders:update"),
    ("DELETE", "", None, "orders:update"),
    ("POST", "lines", line(), "orders:update"),
    ("PATCH", "lines/LINE", {"quantity": 9}, "orders:update"),
    ("DELETE", "lines/LINE", None, "orders:update"),
    ("POST", "place", None, "orders:place"),
]
STAFF_ONLY: list[Route] = [
    ("POST", "hold", {"reason": "x"}, "orders:update"),
    ("POST", "release", None, "orders:update"),
    ("POST", "fulfillments", {}, "fulfillments:write"),
]
WRITES = [route for route in OWN if route[0] != "GET"]
COMMANDS = ["pack", "ship", "deliver", "cancel", "fail", "lose", "return-to-sender"]
# Fixed: parallel workers must collect the same tests.
NOBODYS = "018f0000-0000-7000-8000-000000000000"
NAMES = ("method", "under", "body", "permission")


def where(order: dict[str, Any], under: str) -> str:
    line_id = order["lines"][0]["id"] if order.get("lines") else str(uuid4())
    return path_of(order, *filter(None, [under.replace("LINE", line_id)]))


async def call(client: httpx.AsyncClient, method: str, path: str, body: Any, **more: Any) -> httpx.Response:
    headers = {"If-Match": "*"} if method == "PATCH" else {}
    headers.update(more.pop("headers", {}))
    return await client.request(method, path, headers=headers, **({"json": body} if body is not None else {}), **more)


@pytest.mark.parametrize(NAMES, [*OWN, *STAFF_ONLY])
async def test_nobody_comes_without_a_token(
    anonymous: httpx.AsyncClient, method: str, under: str, body: Any, permission: str
) -> None:
    """Without a token every route of an order answers 401."""
    problem_of(await call(anonymous, method, where({"id": str(uuid4())}, under), body), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ORDERS),
        ("POST", ORDERS),
        ("POST", f"{ORDERS}/preview"),
        ("GET", f"{BASE}/fulfillments/{NOBODYS}"),
        *[("POST", f"{BASE}/fulfillments/{NOBODYS}/{command}") for command in COMMANDS],
    ],
)
async def test_the_other_routes_need_a_token(anonymous: httpx.AsyncClient, method: str, path: str) -> None:
    """Nothing here is public."""
    problem_of(await anonymous.request(method, path), 401, "unauthenticated")


@pytest.mark.parametrize(NAMES, OWN)
async def test_somebody_elses_order_is_not_there(
    client: httpx.AsyncClient, stranger: dict[str, str], method: str, under: str, body: Any, permission: str
) -> None:
    """Another user gets 404 on every route, word for word what an unknown id answers, and changes nothing."""
    order = await create(client)

    theirs = await call(client, method, where(order, under), body, headers=stranger)
    unknown = await call(client, method, where({"id": str(uuid4())}, under), body, headers=stranger)

    ours, none = problem_of(theirs, 404, "not-found"), problem_of(unknown, 404, "not-found")
    differing = {"instance", "request_id"}
    assert {k: v for k, v in ours.items() if k not in differing} == {
        k: v for k, v in none.items() if k not in differing
    }
    assert (await client.get(path_of(order))).json() == order


@pytest.mark.parametrize(NAMES, OWN)
async def test_one_permission_opens_its_routes(
    client: httpx.AsyncClient, verifier: FakeVerifier, method: str, under: str, body: Any, permission: str
) -> None:
    """Staff reach everybody's order with the permission of the route, and not with another one."""
    order = await create(client)
    others = {route[3] for route in [*OWN, *STAFF_ONLY]} - {permission}

    without = await call(client, method, where(order, under), body, headers=verifier.sign_in(uuid4(), *others))
    with_it = await call(client, method, where(order, under), body, headers=verifier.sign_in(uuid4(), permission))

    problem_of(without, 404, "not-found")
    assert with_it.status_code in (200, 201, 204), with_it.text


@pytest.mark.parametrize(NAMES, STAFF_ONLY)
async def test_some_commands_are_staffs_alone(
    client: httpx.AsyncClient, method: str, under: str, body: Any, permission: str
) -> None:
    """Not even its owner holds, releases or fulfils an order."""
    order = await place(client)

    problem_of(await call(client, method, where(order, under), body), 403, "forbidden")


async def test_nobody_sees_what_is_not_his_in_a_list(client: httpx.AsyncClient, stranger: dict[str, str]) -> None:
    """Whatever the filter, a list shows a user his own orders."""
    order = await place(client)

    for filters in ({}, {"number": order["number"]}, {"status": "placed"}):
        answer = await client.get(ORDERS, params=filters, headers=stranger)
        assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(NAMES, WRITES)
async def test_a_stale_if_match_changes_nothing(
    client: httpx.AsyncClient, method: str, under: str, body: Any, permission: str
) -> None:
    """If-Match is honoured on every write: with another version it answers 412."""
    order = await create(client)

    answer = await call(client, method, where(order, under), body, headers={"If-Match": '"7"'})

    problem_of(answer, 412, "precondition-failed")
    assert (await client.get(path_of(order))).json() == order


async def test_changing_an_order_needs_if_match(client: httpx.AsyncClient) -> None:
    """PATCH without it answers 428: whoever changes a cart must have seen it."""
    order = await create(client)

    answer = await client.patch(path_of(order), json={"note": "x"})

    problem_of(answer, 428, "precondition-required")


@pytest.mark.parametrize(NAMES, [route for route in WRITES if route[1] != "place"])
async def test_a_placed_order_is_frozen(
    client: httpx.AsyncClient, method: str, under: str, body: Any, permission: str
) -> None:
    """Nothing of a draft's commands works any more, and the answer names what does."""
    order = await place(client)

    problem = problem_of(await call(client, method, where(order, under), body), 409, "invalid-transition")

    assert problem["allowed"] == order["allowed_actions"]
    assert (await client.get(path_of(order))).json() == order


async def test_an_order_is_placed_once(client: httpx.AsyncClient) -> None:
    """The second call is refused; the number stays."""
    order = await place(client)

    problem_of(await client.post(path_of(order, "place")), 409, "invalid-transition")

    assert (await client.get(path_of(order))).json() == order


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"lines": []}, ["lines"]),
        ({"shipping_address": None}, ["shipping_address"]),
        ({"lines": [], "shipping_address": None}, ["lines", "shipping_address"]),
    ],
)
async def test_an_incomplete_order_is_not_placed(
    client: httpx.AsyncClient, changes: dict[str, Any], missing: list[str]
) -> None:
    """The answer names everything that is missing."""
    order = await create(client, **changes)

    problem = problem_of(await client.post(path_of(order, "place")), 409, "order-incomplete")

    assert problem["missing"] == missing


async def test_a_line_of_another_order_is_not_there(client: httpx.AsyncClient) -> None:
    """A line is found only under its own order."""
    one, other = await create(client), await create(client)
    path = path_of(one, "lines", other["lines"][0]["id"])

    problem_of(await client.patch(path, json={"quantity": 1}), 404, "not-found")
    problem_of(await client.delete(path), 404, "not-found")


async def test_a_line_the_discount_rests_on_is_not_removed(client: httpx.AsyncClient) -> None:
    """An order's discount cannot exceed what is left; the draft stays as it was."""
    order = await create(client, lines=[line(), line()], discount={"amount": euro(4000)})

    answer = await client.delete(path_of(order, "lines", order["lines"][0]["id"]))

    fault = problem_of(answer, 422, "invalid")["errors"][0]
    assert (fault["pointer"], fault["code"]) == ("/discount", "discount-too-large")
    assert (await client.get(path_of(order))).json() == order
