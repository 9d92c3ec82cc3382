"""`create_app`: a Litestar application with the house's habits; a service adds its routes and dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, ControllerRouterHandler
from litestar.typing import FieldDefinition
from promenade_kernel.values.text import TextValue

from promenade_chassis.auth import TokenVerifier
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.access import declared_access, guard_access, provide_principal
from promenade_chassis.http.authentication import Authentication
from promenade_chassis.http.bodies import JsonBody
from promenade_chassis.http.edge import Edge
from promenade_chassis.http.health import Readiness, health_routes
from promenade_chassis.http.openapi import TextValueSchema, openapi_config, serve_openapi
from promenade_chassis.http.openapi_examples import Documentation
from promenade_chassis.http.problems import EXCEPTION_HANDLERS
from promenade_chassis.http.resources import provide_if_match, provide_page, provide_required_if_match
from promenade_chassis.http.writes import Writes
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import BadRequest, UnitOfWork


class UnknownParameter(BadRequest):
    """A query parameter this route does not know: refused, never ignored."""

    slug = "unknown-parameter"
    title = "The route does not know this query parameter"


class InvalidParameter(BadRequest):
    """A query parameter has a value that it cannot have."""

    slug = "invalid-parameter"
    title = "A parameter is not valid"


class RepeatedParameter(InvalidParameter):
    """A query parameter is there twice: which one counts is anybody's guess."""


def create_app(
    *,
    context: str,
    version: str,
    description: str,
    routes: Sequence[ControllerRouterHandler],
    dependencies: Mapping[str, Any],
    verifier: TokenVerifier,
    unit_of_work: UnitOfWork,
    idempotency: IdempotencyStore,
    readiness: Readiness,
    http: HttpSettings,
    root_routes: Sequence[ControllerRouterHandler] = (),
    documentation: Documentation | None = None,
) -> Litestar:
    """A service's application under `/api/v1/<context>`.

    `dependencies` maps names to the objects handlers ask for by that name. Raises `UndeclaredAccess` when a
    route declares no access. `root_routes` stand outside the prefix (JWKS). `documentation` is what the
    specification says beyond the routes.
    """
    api = Router(path=f"/api/v1/{context}", route_handlers=routes)
    app = Litestar(
        route_handlers=[api, *root_routes, *health_routes(readiness), serve_openapi],
        dependencies={
            "principal": Provide(provide_principal),
            "page": Provide(provide_page),
            "expected_version": Provide(provide_if_match),
            "required_version": Provide(provide_required_if_match),
            **{name: Provide(_constant(value), sync_to_thread=False) for name, value in dependencies.items()},
        },
        guards=[guard_access, _refuse_unknown_parameters],
        middleware=[Authentication(verifier), Writes(unit_of_work, idempotency)],
        exception_handlers=EXCEPTION_HANDLERS,
        dto=JsonBody,
        return_dto=None,
        type_encoders={TextValue: str},
        type_decoders=[(_is_text_value, _decode_text_value)],
        plugins=[TextValueSchema()],
        openapi_config=openapi_config(f"Promenade {description.split(':')[0]}", version, description),
        cors_config=CORSConfig(allow_origins=list(http.cors_origins)) if http.cors_origins else None,
        logging_config=None,
        opt={"documentation": documentation or Documentation()},
        request_max_body_size=None,
    )
    declared_access(app)
    _remember_parameters(app)
    return app


def with_edge(app: Litestar, http: HttpSettings) -> ASGIApp:
    """The application as it is served: with request ids, size limit, security headers and access log."""
    return Edge(app, max_body_bytes=http.max_body_bytes)


def _constant(value: Any) -> Any:
    def provide() -> Any:
        return value

    return provide


def _is_text_value(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, TextValue)


def _decode_text_value(kind: Any, value: Any) -> Any:
    return kind(value)


@dataclass(frozen=True, slots=True)
class _Known:
    """The query parameters of a route: those that may be repeated, and those that "null" would switch off."""

    names: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    never_null: frozenset[str] = frozenset()


def _remember_parameters(app: Litestar) -> None:
    for route in app.routes:
        for handler, kwargs in getattr(route, "route_handler_map", {}).values():
            fields = handler.parsed_fn_signature.parameters
            known = kwargs.expected_query_params
            handler.opt["query_parameters"] = _Known(
                names=frozenset(p.field_alias for p in known),
                lists=frozenset(p.field_alias for p in known if p.is_sequence),
                never_null=frozenset(p.field_alias for p in known if _reads_null(fields.get(p.field_name))),
            )


def _reads_null(field: FieldDefinition | None) -> bool:
    """Whether msgspec would take the text "null" for no value at all: then a filter would be ignored."""
    return field is not None and field.is_optional and not any(inner.annotation is str for inner in field.inner_types)


def _refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    known: _Known = handler.opt.get("query_parameters", _Known())
    seen: set[str] = set()
    for name, value in connection.query_params.multi_items():
        if name not in known.names:
            raise UnknownParameter(f"The route does not know the query parameter '{name}'")
        if "\x00" in value:
            raise BadRequest("The NUL character is not allowed in query parameters")
        if name in seen - known.lists:
            raise RepeatedParameter(f"The query parameter '{name}' may be given once")
        if value == "null" and name in known.never_null:
            raise InvalidParameter(f"{name}: 'null' is no value; leave the parameter out")
        seen.add(name)
