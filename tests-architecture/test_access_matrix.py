"""Who may do what: the table written by hand, the declarations of the routes, and what the applications really do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import httpx
import pytest
from access_table import STAFF, WHO, Row, declared_table, differences, hand_table
from access_worlds import WORLDS, Question, World
from promenade_chassis.http import access
from promenade_chassis.testing.route_contract import sight_of
from promenade_local.openapi_commands import application_of
from promenade_local.single import BUILDERS
from promenade_order_management.order.entity import Order

TABLES = hand_table()
CONTEXTS = sorted(BUILDERS)


async def complaints(world: World, rows: Mapping[str, Row]) -> list[str]:
    """Where the application does not answer as the table says, or changes something although it refuses."""
    headers = {who: await world.sign_in(who) for who in STAFF}
    headers["guest"], headers["other"] = {}, await world.sign_in("user")
    return [told for row in rows.values() for told in await _complaints(world, row, headers)]


async def _complaints(world: World, row: Row, headers: Mapping[str, Mapping[str, str]]) -> list[str]:
    refused = [who for who in WHO if row.answers[who] != "ok"]
    question = await world.question(row)
    in_vain = {who: headers.get(who, question.owner) for who in refused}
    answers = await _ask_in_vain(world, question, in_vain) if refused else {}
    for who in (who for who in WHO if row.answers[who] == "ok"):
        # Each changes a thing of his own: the first may be gone.
        question = question if row.method == "GET" else await world.question(row)
        answers[who] = await world.ask(question, headers.get(who, question.owner))
    return [
        f"{row.name}: {who} is answered {answer.status_code}, not {row.answers[who]}"
        for who, answer in answers.items()
        if not row.is_answered_so(who, answer.status_code)
    ]


async def _ask_in_vain(
    world: World, question: Question, headers: Mapping[str, Mapping[str, str]]
) -> dict[str, httpx.Response]:
    seen_by = replace(question.act, headers={**question.owner, **question.act.headers})
    before = await sight_of(world.client, seen_by)
    answers = {who: await world.ask(question, given) for who, given in headers.items()}
    assert await sight_of(world.client, seen_by) == before, f"{question.act.path} changed something"
    return answers


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_route_declares_what_the_table_says(context: str) -> None:
    """Its access, and who gets what by it with the system roles; none is missing, none is left over."""
    assert differences(TABLES[context], declared_table(application_of(context))) == []


@pytest.mark.parametrize("context", CONTEXTS)
async def test_every_route_answers_everybody_as_the_table_says(context: str) -> None:
    """Guest, owner, another user and three kinds of staff, each with something real to ask for."""
    async with WORLDS[context]() as world:
        assert await complaints(world, TABLES[context]) == []


def test_another_permission_would_be_noticed() -> None:
    """In the table, in a declaration, and a route on one side alone."""
    declared = declared_table(application_of("identity"))
    name = "GET /api/v1/identity/audit"
    lax = replace(declared[name], declared="users:read", answers={**declared[name].answers, "manager": "ok"})

    found = differences(TABLES["identity"], {**declared, name: lax})
    more = differences({"GET /old": lax, **TABLES["identity"]}, {"GET /new": lax, **declared})

    assert found == [
        f"{name} declares 'users:read', not 'audit:read'",
        f"{name} would answer manager with ok, not 403",
    ]
    assert more == ["GET /new is not in the table", "GET /old is no route"]


async def test_an_open_door_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were permissions not asked for, all who are signed in would come in."""
    name = "POST /api/v1/order-management/orders/{order_id}/hold"

    monkeypatch.setattr(access, "require_access", lambda *_: None)

    async with WORLDS["order-management"]() as world:
        found = await complaints(world, {name: TABLES["order-management"][name]})

    assert [line.split(": ")[1].split()[0] for line in found] == ["user", "other"]


async def test_a_things_owner_forgotten_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were everything everybody's, another user would see the order."""
    name = "GET /api/v1/order-management/orders/{order_id}"
    monkeypatch.setattr(Order, "require_reach", lambda *_: None)

    async with WORLDS["order-management"]() as world:
        found = await complaints(world, {name: TABLES["order-management"][name]})

    assert found == [f"{name}: other is answered 200, not 404"]
