"""What a service must declare before it starts."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from litestar import WebSocket, get, post, websocket
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from promenade_chassis.http.access import UndeclaredAccess, declared_access, own, permission, public
from promenade_chassis.ports import StaleVersion
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import TINY, Bench, tiny_app


@get("/x", operation_id="x")
async def undeclared() -> None: ...


@get("/x", operation_id="x", access="public")
async def declared_wrongly() -> None: ...


@websocket("/x")
async def unguarded(socket: WebSocket[Any, Any, Any]) -> None: ...


@pytest.mark.parametrize("route", [undeclared, declared_wrongly, unguarded], ids=["nothing", "a text", "a websocket"])
def test_a_route_without_declared_access_does_not_start(bench: Bench, verifier: FakeVerifier, route: Any) -> None:
    """Forgetting to say who may call a route is found at start, by name, and not by an attacker."""
    with pytest.raises(UndeclaredAccess, match=f"{TINY}/x"):
        tiny_app(bench, verifier, routes=[route])


@pytest.mark.parametrize("name", ["orders:red", "order:read", "*:*", "orders:*", "read"])
@pytest.mark.parametrize("declare", [permission, own])
def test_a_permission_that_nobody_can_hold_is_refused(declare: Any, name: str) -> None:
    """Routes name permissions of the catalogue, letter by letter."""
    with pytest.raises(UndeclaredAccess, match="catalogue"):
        declare(name)


def test_the_table_of_access_is_complete(bench: Bench, verifier: FakeVerifier) -> None:
    """Every route of the service is in it, those of the chassis too."""
    table = {(method, path): access for method, path, access in declared_access(tiny_app(bench, verifier))}

    assert table["GET", f"{TINY}/public"] == public()
    assert table["POST", f"{TINY}/things"] == own()
    assert table["DELETE", f"{TINY}/things/{{thing_id:uuid}}"] == permission("orders:update")
    assert {path for _, path in table if not path.startswith((TINY, "/openapi"))} == {
        "/health/live",
        "/health/ready",
    }


def test_two_routes_of_one_name_do_not_start(bench: Bench, verifier: FakeVerifier) -> None:
    """Operation ids name routes in clients, so each is there once."""

    @post("/y", operation_id="x", access=public())
    async def one() -> None: ...

    @get("/x", operation_id="x", access=public())
    async def other() -> None: ...

    with pytest.raises(Exception, match="x"):
        _ = tiny_app(bench, verifier, routes=[one, other]).openapi_schema


class Onlooker:
    """Notes of each answer the operation, the caller, the status and the code of a refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: list[tuple[Any, ...]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found: Any = scope

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                operation = found["route_handler"].operation_id if "route_handler" in found else None
                caller = found["state"].get("principal")
                code = found["state"].get("refused_as")
                self.seen.append((operation, caller and caller.id, message["status"], code))
            await send(message)

        await self._app(scope, receive, note)


async def test_what_is_around_the_application_sees_every_answer(bench: Bench, verifier: FakeVerifier) -> None:
    """With route, caller and code, whichever layer refused; what was tried in vain before is none."""
    onlookers: list[Onlooker] = []

    def look_on(app: ASGIApp) -> Onlooker:
        onlookers.append(Onlooker(app))
        return onlookers[-1]

    user_id = uuid4()
    user = verifier.sign_in(user_id)
    bench.troubles = [StaleVersion(), StaleVersion(), RuntimeError()]
    async with client_of(tiny_app(bench, verifier, around=look_on)) as client:
        await client.get(f"{TINY}/nowhere")
        await client.get(f"{TINY}/own", headers={"Authorization": "Bearer x"})
        await client.get(f"{TINY}/staff", headers=user)
        await client.get(f"{TINY}/public?x=1")
        await client.post(f"{TINY}/things", content=b"x" * 2_000_000, headers=user)
        for _ in range(2):
            await client.post(f"{TINY}/things", json={"name": "a"}, headers=user)

    (onlooker,) = onlookers
    assert onlooker.seen == [
        (None, None, 404, "not-found"),
        ("mine", None, 401, "invalid-token"),
        ("staff", user_id, 403, "forbidden"),
        ("see", None, 400, "unknown-parameter"),
        ("make", user_id, 413, "body-too-large"),
        ("make", user_id, 500, "internal-error"),
        ("make", user_id, 201, None),
    ]
