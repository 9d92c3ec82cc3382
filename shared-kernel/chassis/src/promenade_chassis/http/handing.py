"""What handlers ask for by name, handed to them without detours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection

from promenade_chassis.http.access import principal_of
from promenade_chassis.ports import Unauthenticated

_CALLER = "principal"


def hand_over(app: Litestar, constants: Mapping[str, Any]) -> None:
    """Put `constants` and the caller beside a handler's parameters, and provide the rest one by one.

    For each of them Litestar would check the parameters of a provider, call it and await it; for several at once it
    would make tasks. What handlers ask for here waits for nothing.
    """
    for route in app.routes:
        for _, kwargs in getattr(route, "route_handler_map", {}).values():
            wanted = [each for batch in kwargs.dependency_batches for each in batch]
            ready = {each.key: constants[each.key] for each in wanted if each.key in constants}
            called = any(each.key == _CALLER for each in wanted)
            kwargs.dependency_batches = [{each} for each in wanted if each.key not in ready and each.key != _CALLER]
            if ready:
                kwargs.extractors.append(_giving(ready))
            if called:
                kwargs.extractors.append(_give_caller)


def _giving(ready: Mapping[str, Any]) -> Any:
    async def give(values: dict[str, Any], _: ASGIConnection[Any, Any, Any, Any]) -> None:
        values.update(ready)

    return give


async def _give_caller(values: dict[str, Any], connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    principal = principal_of(connection.scope)
    if principal is None:
        raise Unauthenticated
    values[_CALLER] = principal
