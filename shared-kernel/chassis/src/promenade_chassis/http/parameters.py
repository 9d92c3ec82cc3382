"""Query parameters: only what a route declares, each once, and never a value that would switch it off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.typing import FieldDefinition

from promenade_chassis.http.framework_errors import InvalidParameter
from promenade_chassis.http.layers import Layer
from promenade_chassis.http.readers import shortened
from promenade_chassis.ports import BadRequest, Fault


class UnknownParameter(BadRequest):
    """A query parameter this route does not know: refused, never ignored."""

    slug = "unknown-parameter"
    title = "The route does not know this query parameter"
    advice = "Check its spelling: unknown parameters are refused, never ignored."
    example: ClassVar[Mapping[str, Any]] = {"detail": "The route does not know the query parameter 'pagesize'"}


class RepeatedParameter(BadRequest):
    """A query parameter given twice: neither of the two wins silently."""

    slug = "repeated-parameter"
    title = "A query parameter is given more than once"
    advice = "Give each parameter once."
    example: ClassVar[Mapping[str, Any]] = {"detail": "The query parameter 'limit' is given more than once"}


@dataclass(frozen=True, slots=True)
class _Known:
    """The query parameters of a route: those that may be repeated, and those that "null" would switch off."""

    names: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    never_null: frozenset[str] = frozenset()


_NONE = _Known()


class KnownParameters(Layer):
    """Refuses query parameters that a route does not declare or that come twice, and the NUL character in them."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse with 400, or go on."""
        if scope["query_string"]:
            _check(scope["query_string"].decode("latin-1"), scope["route_handler"].opt.get("query_parameters", _NONE))
        await next_app(scope, receive, send)


def spelled(name: str) -> str:
    """How a parameter is called outside: `from_` in the code, because `from` is a word of Python's."""
    return name.removesuffix("_")


def remember_parameters(app: Litestar) -> None:
    """Note for every route which parameters it declares."""
    for route in app.routes:
        for handler, kwargs in getattr(route, "route_handler_map", {}).values():
            fields = handler.parsed_fn_signature.parameters
            known = kwargs.expected_query_params
            handler.opt["query_parameters"] = _Known(
                names=frozenset(p.field_alias for p in known),
                lists=frozenset(p.field_alias for p in known if p.is_sequence),
                never_null=frozenset(p.field_alias for p in known if _reads_null(fields.get(p.field_name))),
            )


def _check(query: str, known: _Known) -> None:
    seen: set[str] = set()
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known.names:
            raise UnknownParameter(f"The route does not know the query parameter '{shortened(name)}'")
        if name in seen - known.lists:
            raise RepeatedParameter(f"The query parameter '{name}' is given more than once")
        if "\x00" in value:
            raise BadRequest("The NUL character is not allowed in query parameters")
        if value == "null" and name in known.never_null:
            said = "'null' is no value; leave the parameter out"
            raise InvalidParameter((Fault(f"?{name}", said, "invalid-parameter"),), f"{name}: {said}")
        seen.add(name)


def _reads_null(field: FieldDefinition | None) -> bool:
    """Whether msgspec would take the text "null" for no value at all: then a filter would be ignored."""
    return field is not None and field.is_optional and not any(inner.annotation is str for inner in field.inner_types)
