"""The routes of fulfillments, with fakes behind them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from order_rooms import create, fulfillment_path, line, path_of, place
from order_world import World
from promenade_chassis.testing.answers import faults_of, problem_of

MEMBERS = {
    *("id", "version", "created_at", "updated_at", "order_id", "status", "allowed_actions", "lines", "carrier"),
    *("tracking_number", "tracking_url", "failure", "shipped_at", "delivered_at"),
}
COMMANDS = ["pack", "ship", "deliver", "cancel", "fail", "lose", "return-to-sender"]


@pytest.fixture
async def paid(client: httpx.AsyncClient, world: World) -> dict[str, Any]:
    """A confirmed order of three units in two lines."""
    order = await place(client, lines=[line(quantity=2), line(sku="CUP", name="Cup", quantity=1)])
    await world.invoice_paid(order)
    return (await client.get(path_of(order))).json()


async def begin(
    client: httpx.AsyncClient, order: dict[str, Any], staff: dict[str, str], *quantities: int
) -> dict[str, Any]:
    """Set so many units of each line aside."""
    lines = [
        {"line_id": each["id"], "quantity": quantity}
        for each, quantity in zip(order["lines"], quantities, strict=False)
        if quantity
    ]
    answer = await client.post(path_of(order, "fulfillments"), json={"lines": lines}, headers=staff)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_fulfillment_takes_some_units(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """POST answers 201 with the whole fulfillment and where it lives; the units are set aside."""
    body = {"lines": [{"line_id": paid["lines"][0]["id"], "quantity": 1}]}

    answer = await client.post(path_of(paid, "fulfillments"), json=body, headers=staff)

    parcel = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert answer.headers["location"] == fulfillment_path(parcel)
    assert parcel.keys() == MEMBERS
    assert (parcel["status"], parcel["order_id"]) == ("pending", paid["id"])
    assert parcel["allowed_actions"] == ["pack", "ship", "cancel"]
    assert [(each["sku"], each["quantity"]) for each in parcel["lines"]] == [("TEA-1", 1)]
    order = (await client.get(path_of(paid))).json()
    assert [(each["open"], each["allocated"]) for each in order["lines"]] == [(1, 1), (1, 0)]
    assert order["fulfillment_status"] == "partial"


async def test_without_lines_it_takes_all_that_is_open(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """The usual parcel needs no arithmetic."""
    await begin(client, paid, staff, 1)

    answer = await client.post(path_of(paid, "fulfillments"), headers=staff)

    assert [each["quantity"] for each in answer.json()["lines"]] == [1, 1]
    order = (await client.get(path_of(paid))).json()
    assert (order["fulfillment_status"], order["allowed_actions"]) == ("fulfilled", ["hold"])


async def test_each_command_answers_the_whole_fulfillment(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """Packed, shipped with its number, not delivered, shipped again, delivered; GET shows the same each time."""
    parcel = await begin(client, paid, staff, 2)
    told = {"carrier": "Post", "tracking_number": "1Z", "tracking_url": "https://example.com/1Z"}
    seen: list[dict[str, Any]] = []

    for command, body in [
        ("pack", {}),
        ("ship", told),
        ("fail", {"reason": "nobody there"}),
        ("ship", {}),
        ("deliver", {}),
    ]:
        answer = await client.post(fulfillment_path(parcel, command), json=body, headers=staff)
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        assert (await client.get(fulfillment_path(parcel))).json() == answer.json()
        seen.append(answer.json())

    assert [each["status"] for each in seen] == ["packed", "shipped", "undelivered", "shipped", "delivered"]
    assert [each["failure"] for each in seen] == [None, None, "nobody there", None, None]
    assert {name: seen[-1][name] for name in told} == told
    assert seen[-1]["allowed_actions"] == []


async def test_the_list_shows_all_of_an_order(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """Newest first, page by page, to the buyer as well."""
    ids = [(await begin(client, paid, staff, 1))["id"], (await begin(client, paid, staff, 0, 1))["id"]]

    first = await client.get(path_of(paid, "fulfillments"), params={"limit": 1})
    second = await client.get(first.links["next"]["url"])

    assert [item["id"] for item in first.json()["items"] + second.json()["items"]] == ids[::-1]
    assert second.json()["next_cursor"] is None


@pytest.mark.parametrize("command", ["cancel", "lose", "return-to-sender"])
async def test_units_that_do_not_arrive_are_open_again(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any], command: str
) -> None:
    """Whatever stops a parcel, its units can travel in another one."""
    parcel = await begin(client, paid, staff, 2, 1)
    before = {"cancel": [], "lose": ["ship"], "return-to-sender": ["ship", "fail"]}[command]

    for step in [*before, command]:
        assert (await client.post(fulfillment_path(parcel, step), headers=staff)).status_code == 200

    order = (await client.get(path_of(paid))).json()
    assert [(each["open"], each["allocated"], each["shipped"]) for each in order["lines"]] == [(2, 0, 0), (1, 0, 0)]
    assert order["allowed_actions"] == ["fulfill", "hold"]
    await begin(client, paid, staff, 2, 1)


async def test_more_than_is_open_is_refused(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """The answer says what is left of the line."""
    await begin(client, paid, staff, 1)
    line_id = paid["lines"][0]["id"]

    answer = await client.post(
        path_of(paid, "fulfillments"), json={"lines": [{"line_id": line_id, "quantity": 2}]}, headers=staff
    )

    assert problem_of(answer, 409, "not-enough-open")["open"] == {line_id: 1}


@pytest.mark.parametrize("status", ["draft", "placed"])
async def test_only_confirmed_orders_are_fulfilled(
    client: httpx.AsyncClient, staff: dict[str, str], status: str
) -> None:
    """Before the money nothing leaves the shelf."""
    order = await (create if status == "draft" else place)(client)

    answer = await client.post(path_of(order, "fulfillments"), headers=staff)

    assert problem_of(answer, 409, "invalid-transition")["allowed"] == order["allowed_actions"]


async def test_a_held_order_keeps_its_goods(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """Nothing new is set aside, packed or shipped; what is set aside can be put back."""
    parcel = await begin(client, paid, staff, 1)
    await client.post(path_of(paid, "hold"), json={"reason": "odd"}, headers=staff)

    for path in (path_of(paid, "fulfillments"), fulfillment_path(parcel, "pack"), fulfillment_path(parcel, "ship")):
        problem_of(await client.post(path, headers=staff), 409, "order-on-hold")
    shown = (await client.get(fulfillment_path(parcel))).json()

    assert shown["allowed_actions"] == ["cancel"]
    assert (await client.post(fulfillment_path(parcel, "cancel"), headers=staff)).status_code == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"lines": []}, {("/lines", "invalid-length")}),
        ({"lines": [{}]}, {("/lines/0/line_id", "required"), ("/lines/0/quantity", "required")}),
        (
            {"lines": [{"line_id": "x", "quantity": 0}, {"line_id": str(uuid4()), "quantity": 1.5}]},
            {
                ("/lines/0/line_id", "invalid-format"),
                ("/lines/0/quantity", "out-of-range"),
                ("/lines/1/quantity", "wrong-type"),
            },
        ),
        ({"parcel": 1}, {("/parcel", "unknown-field")}),
    ],
)
async def test_all_faults_of_a_fulfillment_are_named(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any], body: Any, faults: set[tuple[str, str]]
) -> None:
    """422 lists every fault with its pointer."""
    assert faults_of(await client.post(path_of(paid, "fulfillments"), json=body, headers=staff)) == faults


async def test_a_line_is_named_once_and_belongs_to_the_order(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any]
) -> None:
    """A line named twice is a fault of the body, one of another order is not there."""
    wanted = {"line_id": paid["lines"][0]["id"], "quantity": 1}
    path = path_of(paid, "fulfillments")

    twice = await client.post(path, json={"lines": [wanted, wanted]}, headers=staff)
    foreign = await client.post(path, json={"lines": [{**wanted, "line_id": str(uuid4())}]}, headers=staff)

    assert faults_of(twice) == {("/lines/1/line_id", "duplicate")}
    problem_of(foreign, 404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"carrier": ""},
        {"carrier": "x" * 201},
        {"tracking_number": "a\nb"},
        {"tracking_url": "javascript:alert(1)"},
        {"tracking_url": "https://example.com/ space"},
        {"shipped_at": "2026-01-01T00:00:00Z"},
        {"carrier": 1},
    ],
)
async def test_how_it_travels_is_checked(
    client: httpx.AsyncClient, staff: dict[str, str], paid: dict[str, Any], body: Any
) -> None:
    """A carrier is one line of text, a tracking link a link."""
    parcel = await begin(client, paid, staff, 1)

    answer = await client.post(fulfillment_path(parcel, "ship"), json=body, headers=staff)

    problem_of(answer, 422, "invalid")


@pytest.mark.parametrize("command", COMMANDS)
async def test_fulfillments_are_handled_by_staff(
    client: httpx.AsyncClient, staff: dict[str, str], stranger: dict[str, str], paid: dict[str, Any], command: str
) -> None:
    """The buyer sees how his goods travel; others see nothing, and neither moves them."""
    parcel = await begin(client, paid, staff, 1)
    stale = {**staff, "If-Match": '"7"'}

    problem_of(await client.get(fulfillment_path(parcel), headers=stranger), 404, "not-found")
    problem_of(await client.post(fulfillment_path(parcel, command)), 403, "forbidden")
    problem_of(await client.post(fulfillment_path(parcel, command), headers=stranger), 403, "forbidden")
    problem_of(await client.post(fulfillment_path(parcel, command), headers=stale), 412, "precondition-failed")
    problem_of(await client.post(fulfillment_path({"id": str(uuid4())}, command), headers=staff), 404, "not-found")
    assert (await client.get(fulfillment_path(parcel))).json() == parcel
