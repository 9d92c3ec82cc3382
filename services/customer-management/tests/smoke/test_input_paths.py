"""Bad queries and paths to the routes of customers: refused, and never a 500."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from customer_rooms import CUSTOMERS, ME, add, path_of
from promenade_chassis.testing.answers import problem_of


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=1", "unknown-parameter"),
        ("company_id=1", "unknown-parameter"),
        ("limit=0", "invalid-parameter"),
        ("limit=101", "invalid-parameter"),
        ("limit=" + "9" * 5000, "invalid-parameter"),
        ("lifecycle=fan", "invalid-parameter"),
        ("lifecycle=", "invalid-parameter"),
        ("tier=gold", "invalid-parameter"),
        ("owner_id=me", "invalid-parameter"),
        ("q=" + "x" * 101, "invalid-parameter"),
        ("q=", "invalid-parameter"),
        ("tag=", "invalid-parameter"),
        ("tag=" + "x" * 51, "invalid-parameter"),
        ("q=a%00", "bad-request"),
        ("tag=%00", "bad-request"),
        ("cursor=", "bad-cursor"),
        ("cursor=AAAA", "bad-cursor"),
        ("cursor=%F0%9F%98%80", "bad-cursor"),
    ],
)
async def test_a_bad_query_is_refused(client: httpx.AsyncClient, query: str, code: str) -> None:
    """Unknown parameters, values out of range and cursors that no list made answer 400."""
    problem_of(await client.get(f"{CUSTOMERS}?{query}"), 400, code)


@pytest.mark.parametrize("query", ["colour=1", "limit=0", "cursor=!", "kind=x"])
async def test_a_bad_query_of_the_timeline_is_refused(client: httpx.AsyncClient, query: str) -> None:
    """The timeline is a list like any other."""
    answer = await client.get(path_of(await add(client), f"timeline?{query}"))

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_every_route_refuses_unknown_parameters(client: httpx.AsyncClient, method: str) -> None:
    """Parameters are refused, never ignored, also where a route knows none."""
    customer = await add(client)
    body: dict[str, Any] = {"json": {}} if method == "PATCH" else {}

    problem_of(await client.request(method, path_of(customer) + "?debug=1", **body), 400, "unknown-parameter")
    problem_of(await client.get(f"{ME}?debug=1"), 400, "unknown-parameter")


@pytest.mark.parametrize("id_", ["1", "x", "%00", "%FF", "..", "me", "duplicates", "018f" + "0" * 30, "0" * 4000])
async def test_an_id_that_is_none_is_not_found(client: httpx.AsyncClient, id_: str) -> None:
    """A path that names no id answers 404."""
    problem_of(await client.get(f"{CUSTOMERS}/{id_}"), 404, "not-found")


@pytest.mark.parametrize(
    "tag", ["%00", "a%00b", "x" * 51, "%0A", "a%0Ab", "%20", "x" * 4000, "%ED%A0%80", "%FF", "%2E%2E"]
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_tag_that_is_none_is_refused(client: httpx.AsyncClient, method: str, tag: str) -> None:
    """A path segment that cannot be a tag is the caller's mistake, and leaves no trace."""
    customer = await add(client)

    answer = await client.request(method, path_of(customer, f"tags/{tag}"))

    assert answer.status_code in (200, 400, 404, 405), answer.text
    if answer.status_code != 200:
        assert (await client.get(path_of(customer))).json() == customer


@pytest.mark.parametrize("tag", ["%00", "a%00b", "x" * 51, "a%0Ab", "%20"])
async def test_a_tag_of_wrong_characters_names_the_parameter(client: httpx.AsyncClient, tag: str) -> None:
    """The problem says which part of the path is at fault."""
    problem = problem_of(await client.put(path_of(await add(client), f"tags/{tag}")), 400, "invalid-parameter")

    assert "tag" in problem["detail"]


@pytest.mark.parametrize("tag", ["50%25", "a?b", "a#b", "a%b", "é", "..."])
async def test_a_tag_of_a_body_can_be_taken_off_by_its_path(client: httpx.AsyncClient, tag: str) -> None:
    """Every tag that may be put on has a path, whatever its characters."""
    customer = await add(client, tags=[tag])

    answer = await client.delete(path_of(customer, f"tags/{_quoted(tag)}"))

    assert answer.json()["tags"] == []


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
