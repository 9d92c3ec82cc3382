"""What a service must declare before it starts."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import WebSocket, get, post, websocket
from promenade_chassis.http.access import UndeclaredAccess, declared_access, own, permission, public
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
