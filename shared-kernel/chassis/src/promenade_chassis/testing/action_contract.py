"""`allowed_actions` is exactly what a resource accepts next: seen over HTTP, in every state that commands lead to."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from promenade_chassis.testing.route_contract import Act, ForEachRoute, Prepare, WriteRoute, send, sight_of

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[^}]*\}")


def shape_of(path: str) -> str:
    """A path, or a route's template, without its ids."""
    return _ID.sub("{}", path)


class ActionContract(ForEachRoute):
    """Give it `routes`, the fixtures of `RouteContract`, and `actions`: what each operation is called in the states."""

    actions: ClassVar[Mapping[str, str]] = {}

    async def test_allowed_actions_are_exactly_what_is_accepted(
        self, written: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """Before and after each operation every action is tried: what is named works, the rest is 409 and no change."""
        for done in (False, True):
            for route in self._actions_on(await prepare(written.operation_id)):
                act = await prepare(written.operation_id)
                if done:
                    assert (await send(client, written, act)).is_success
                await self._try(route, act, client, prepare)

    def _actions_on(self, act: Act) -> list[WriteRoute]:
        """The actions of the resource that the act is about."""
        if act.watch is None:
            return []
        shape = shape_of(act.watch)
        actions = [route for route in self.routes if route.operation_id in self.actions]
        return [
            route for route in actions if shape_of(route.path).removeprefix(shape).count("/") < 2 and _on(route, shape)
        ]

    async def _try(self, route: WriteRoute, act: Act, client: httpx.AsyncClient, prepare: Prepare) -> None:
        assert act.watch is not None
        seen = await client.get(act.watch, headers=dict(act.headers))
        if not seen.is_success:
            return  # it is gone, and nothing says what may be done with it
        shown: Mapping[str, Any] = seen.json()
        assert set(shown["allowed_actions"]) <= set(self.actions.values())
        model = await prepare(route.operation_id)
        path = act.watch + shape_of(route.path).removeprefix(shape_of(act.watch))
        before = await sight_of(client, act)

        answer = await send(client, route, Act(path=path, body=model.body, headers=model.headers))

        if self.actions[route.operation_id] in shown["allowed_actions"]:
            assert answer.is_success, f"{route.operation_id} of {shown['status']}: {answer.text}"
            return
        assert answer.status_code == 409, f"{route.operation_id} of {shown}: {answer.text}"
        assert answer.json().get("allowed", shown["allowed_actions"]) == shown["allowed_actions"]
        assert await sight_of(client, act) == before


def _on(route: WriteRoute, shape: str) -> bool:
    path = shape_of(route.path)
    return path == shape or path.startswith(f"{shape}/")
