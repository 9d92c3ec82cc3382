"""Lists over HTTP: parameters from the declaration, cursors that belong to one list, Links that keep what was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from litestar import Response, get
from litestar.types import ControllerRouterHandler
from msgspec import Meta
from promenade_chassis.http.access import own, permission
from promenade_chassis.http.lists import Asked, Listing, UndeclaredList, listed, listing
from promenade_chassis.http.openapi import openapi_document
from promenade_chassis.http.resources import Caller, PathId
from promenade_chassis.ports import ListOf, NoFilters, Sort
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_chassis.testing.lists import page_in_memory
from promenade_kernel.values.ids import new_id
from tiny_service import THING, TINY, Bench, tiny_app

NOW = datetime(2026, 2, 28, 12, tzinfo=UTC)
TEAS = f"{TINY}/teas"


class Colour(StrEnum):
    GREEN = "green"
    BLACK = "black"


class Tea(msgspec.Struct):
    id: UUID
    name: str
    colour: Colour
    owner: UUID | None
    picked_at: datetime


@dataclass(frozen=True)
class TeaFilter:
    owner: UUID | None = None
    colour: Colour | None = None
    q: Annotated[str, Meta(min_length=1, max_length=5, description="A part of the name.")] | None = None
    strong: bool | None = None
    picked_from: datetime | None = None
    picked_to: datetime | None = None
    from_: datetime | None = None


LIST = ListOf(Tea, TeaFilter, Sort("name", str), Sort("picked_at", datetime), own="owner")
STOCK: list[Tea] = []


@listing("/teas", LIST, access=own("orders:read"), operation_id="list_teas", summary="Teas")
async def teas(asked: Asked[TeaFilter], principal: Caller) -> Response[Listing[Tea]]:
    """One's own teas; staff see all."""
    wanted = asked.wanted
    found = [tea for tea in STOCK if principal.may("orders:read") or tea.owner == principal.id]
    found = [tea for tea in found if wanted.colour in (None, tea.colour) and (wanted.q or "") in tea.name]
    for since in (wanted.picked_from, wanted.from_):
        found = [tea for tea in found if since is None or tea.picked_at >= since]
    return listed(asked, page_in_memory(LIST, found, asked.page))


@listing("/all-teas", LIST, access=permission("orders:read"), operation_id="list_all_teas", summary="Teas")
async def all_teas(asked: Asked[TeaFilter]) -> Response[Listing[Tea]]:
    """The same list by another way."""
    return listed(asked, page_in_memory(LIST, STOCK, asked.page))


@listing("/teas/{tea_id:uuid}/notes", LIST, access=own(), operation_id="list_notes", summary="Notes")
async def notes(asked: Asked[TeaFilter], tea_id: PathId) -> Response[Listing[Tea]]:
    """A list of each tea."""
    return listed(asked, page_in_memory(LIST, STOCK, asked.page))


@pytest.fixture
async def teahouse(verifier: FakeVerifier, user: dict[str, str], user_id: UUID) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of somebody who owns six teas; there are two more."""
    STOCK.clear()
    owners = [*[user_id] * 6, uuid4(), uuid4()]
    for number, owner in enumerate(owners):
        colour = Colour.GREEN if number % 2 else Colour.BLACK
        picked_at = NOW + timedelta(seconds=number // 3)
        STOCK.append(Tea(new_id(), f"Tea {7 - number}", colour, owner, picked_at))
    async with client_of(tiny_app(Bench(), verifier, routes=[teas, all_teas, notes])) as client:
        client.headers.update(user)
        yield client


async def walk(client: httpx.AsyncClient, path: str) -> list[str]:
    """The names on all pages, by their Links."""
    names: list[str] = []
    url: str | None = path
    while url is not None:
        answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        names += [tea["name"] for tea in answer.json()["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else None
        assert (answer.json()["next_cursor"] is None) == (url is None)
    return names


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("limit=1", "234567"),
        ("limit=4&sort=name", "234567"),
        ("sort=-name&limit=5", "765432"),
        ("limit=2&sort=picked_at", "765432"),
        ("limit=1&sort=-id&colour=green", "246"),
        ("limit=2&colour=black&sort=-name&q=Tea", "753"),
        ("limit=1&picked_from=2026-02-28T14:00:01%2B02:00&sort=id", "432"),
        ("limit=1&from=2026-02-28T12:00:01Z&sort=id", "432"),
    ],
)
async def test_a_link_keeps_what_was_asked(teahouse: httpx.AsyncClient, query: str, numbers: str) -> None:
    """Filters, sort and limit, in the spelling of the first request: the walk needs nothing else."""
    assert await walk(teahouse, f"{TEAS}?{query}") == [f"Tea {number}" for number in numbers]


async def cursor_of(client: httpx.AsyncClient, path: str = TEAS, **query: Any) -> str:
    answer = await client.get(path, params={"limit": 2, **query})
    cursor: str | None = answer.json()["next_cursor"]
    assert cursor is not None
    return cursor


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "name"},
        {"sort": "-picked_at"},
        {"colour": "green"},
        {"colour": "green", "sort": "-name"},
        {"q": "T", "colour": "black", "sort": "name"},
        {"picked_from": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_cursor_belongs_to_filters_and_sort(teahouse: httpx.AsyncClient, query: dict[str, str]) -> None:
    """With others it would show rows twice, or none: it is refused, and so is that of others here."""
    plain, narrow = await cursor_of(teahouse), await cursor_of(teahouse, **query)

    problem_of(await teahouse.get(TEAS, params={**query, "cursor": plain}), 400, "bad-cursor")
    problem_of(await teahouse.get(TEAS, params={"cursor": narrow}), 400, "bad-cursor")
    assert (await teahouse.get(TEAS, params={**query, "cursor": narrow, "limit": 1})).status_code == 200


async def test_a_cursor_belongs_to_one_direction(teahouse: httpx.AsyncClient) -> None:
    """Backwards it would show again what was seen."""
    up = await cursor_of(teahouse, sort="name")

    problem_of(await teahouse.get(TEAS, params={"sort": "-name", "cursor": up}), 400, "bad-cursor")


async def test_the_default_sort_may_be_named(teahouse: httpx.AsyncClient) -> None:
    """It is the same list."""
    assert (await teahouse.get(TEAS, params={"sort": "-id", "cursor": await cursor_of(teahouse)})).status_code == 200


async def test_a_cursor_belongs_to_one_path(teahouse: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """Not to another list of the same things, nor to the list of something else."""
    staff = verifier.sign_in(uuid4(), "orders:read")
    tea_id = uuid4()
    first, second = f"{TEAS}/{tea_id}/notes", f"{TEAS}/{uuid4()}/notes"
    mine, of_first = await cursor_of(teahouse), await cursor_of(teahouse, first)
    respelled = f"{TEAS}/{str(tea_id).upper()}/notes"
    staffs = (await teahouse.get(TEAS, params={"limit": 1}, headers=staff)).json()["next_cursor"]

    problem_of(await teahouse.get(second, params={"cursor": of_first}), 400, "bad-cursor")
    problem_of(await teahouse.get(first, params={"cursor": mine}), 400, "bad-cursor")
    problem_of(await teahouse.get(f"{TINY}/all-teas", params={"cursor": staffs}, headers=staff), 400, "bad-cursor")
    assert (await teahouse.get(respelled, params={"cursor": of_first})).status_code == 200


async def test_a_cursor_belongs_to_whose_list_it_is(teahouse: httpx.AsyncClient, verifier: FakeVerifier) -> None:
    """Another user's own list is another one, and so is everybody's; staff may go on where other staff were."""
    other = verifier.sign_in(uuid4())
    one, two = verifier.sign_in(uuid4(), "orders:read"), verifier.sign_in(uuid4(), "orders:read")
    mine = await cursor_of(teahouse)
    staffs = (await teahouse.get(TEAS, params={"limit": 1}, headers=one)).json()["next_cursor"]

    problem_of(await teahouse.get(TEAS, params={"cursor": mine}, headers=other), 400, "bad-cursor")
    problem_of(await teahouse.get(TEAS, params={"cursor": mine}, headers=one), 400, "bad-cursor")
    problem_of(await teahouse.get(TEAS, params={"cursor": staffs}), 400, "bad-cursor")
    assert (await teahouse.get(TEAS, params={"cursor": staffs}, headers=two)).status_code == 200


@pytest.mark.parametrize("sort", ["", "colour", "-", "NAME", "name,-id", "id desc", "owner"])
async def test_an_unknown_sort_is_refused(teahouse: httpx.AsyncClient, sort: str) -> None:
    """The detail names those there are."""
    problem = problem_of(await teahouse.get(TEAS, params={"sort": sort}), 400, "unknown-sort")

    assert "id, -id, name, -name, picked_at, -picked_at" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        *((f"limit={value}", "invalid-parameter") for value in ("0", "101", "-1", "1.5", "x", "")),
        *(("q=", "invalid-parameter"), ("q=abcdef", "invalid-parameter"), ("colour=red", "invalid-parameter")),
        *(("picked_from=yesterday", "invalid-parameter"), ("picked_to=2026-02-28T12:00:00", "invalid-parameter")),
        *((f"owner={THING}", "unknown-parameter"), ("page=2", "unknown-parameter"), ("from_=x", "unknown-parameter")),
        *(("colour=green&colour=green", "repeated-parameter"), ("limit=1&sort=id&limit=2", "repeated-parameter")),
        *(("sort=id&sort=-id", "repeated-parameter"), ("cursor=a&cursor=b", "repeated-parameter")),
    ],
)
async def test_a_bad_query_is_refused(teahouse: httpx.AsyncClient, query: str, code: str) -> None:
    """What is out of range, unknown, only the use case's to set, or said twice: nothing is ignored, nothing wins."""
    problem_of(await teahouse.get(f"{TEAS}?{query}"), 400, code)


@pytest.mark.parametrize("name", ["from", "picked_from", "limit"])
async def test_a_refusal_names_the_parameter_as_it_is_sent(teahouse: httpx.AsyncClient, name: str) -> None:
    """Also one that is called otherwise in the code, because its name is a word of Python's."""
    body = problem_of(await teahouse.get(f"{TEAS}?{name}=yesterday"), 400, "invalid-parameter")

    assert body["errors"][0]["pointer"] == f"?{name}"
    assert body["detail"].startswith(f"{name}: ")


async def test_the_document_names_all_there_is(verifier: FakeVerifier) -> None:
    """Filters with their limits, sorts as an enumeration with its default; not what the use case sets."""
    document = openapi_document(tiny_app(Bench(), verifier, routes=[teas]))

    found = {each["name"]: each for each in document["paths"][TEAS]["get"]["parameters"]}
    assert set(found) == {"colour", "q", "strong", "picked_from", "picked_to", "from", "sort", "limit", "cursor"}
    assert found["sort"]["schema"]["enum"] == ["id", "-id", "name", "-name", "picked_at", "-picked_at"]
    assert found["sort"]["schema"]["default"] == "-id"
    assert (found["limit"]["schema"]["maximum"], found["limit"]["schema"]["default"]) == (100, 25)
    assert found["q"]["description"] == "A part of the name."
    assert found["picked_from"]["description"] == "At this time or later; RFC 3339 with a zone."
    assert found["from"]["description"] == found["picked_from"]["description"]
    assert found["picked_to"]["description"] == "Before this time; RFC 3339 with a zone."


@get("/plain", access=own(), operation_id="plain")
async def plain() -> Response[Listing[Tea]]:
    """Answers a list without declaring it."""
    raise NotImplementedError


@get("/bare", access=own(), operation_id="bare")
async def bare() -> Listing[Tea]:
    """The same without a response around it."""
    raise NotImplementedError


@listing("/deaf", ListOf(Tea, NoFilters), access=own(), operation_id="deaf", summary="Deaf")
async def deaf() -> Response[Listing[Tea]]:
    """Declares a list, and does not look at what is asked."""
    raise NotImplementedError


@pytest.mark.parametrize("routes", [[plain], [bare], [deaf], [teas, plain]], ids=["plain", "bare", "deaf", "beside"])
def test_an_undeclared_list_does_not_start(verifier: FakeVerifier, routes: Sequence[ControllerRouterHandler]) -> None:
    """No route can forget the habits of lists."""
    with pytest.raises(UndeclaredList):
        tiny_app(Bench(), verifier, routes=routes)
