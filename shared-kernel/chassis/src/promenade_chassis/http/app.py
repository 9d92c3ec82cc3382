"""`create_app`: a Litestar application with the house's habits; a service adds its routes and dependencies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, ControllerRouterHandler, Receive, Scope, Send
from promenade_kernel.values.text import TextValue

from promenade_chassis.auth import TokenVerifier
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.access import AccessCheck, declared_access, provide_principal
from promenade_chassis.http.authentication import Authentication
from promenade_chassis.http.bodies import JsonBody
from promenade_chassis.http.cursors import cursors_of
from promenade_chassis.http.edge import Edge
from promenade_chassis.http.health import Readiness, health_routes
from promenade_chassis.http.lists import declared_lists
from promenade_chassis.http.openapi import TextValueSchema, openapi_config, serve_openapi
from promenade_chassis.http.problems import EXCEPTION_HANDLERS
from promenade_chassis.http.resources import provide_if_match, provide_required_if_match
from promenade_chassis.http.writes import Writes
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import BadRequest, UnitOfWork


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


class KnownParameters(ASGIMiddleware):
    """Refuses query parameters that a route does not declare or that come twice, and the NUL character in them."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse with 400, or go on."""
        if scope["query_string"]:
            known = scope["route_handler"].opt.get("query_parameters", ())
            seen: set[str] = set()
            for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
                if name not in known:
                    raise UnknownParameter(f"The route does not know the query parameter '{name}'")
                if name in seen:
                    raise RepeatedParameter(f"The query parameter '{name}' is given more than once")
                seen.add(name)
                if "\x00" in value:
                    raise BadRequest("The NUL character is not allowed in query parameters")
        await next_app(scope, receive, send)


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
) -> Litestar:
    """A service's application under `/api/v1/<context>`.

    `dependencies` maps names to the objects handlers ask for by that name. Raises `UndeclaredAccess` when a
    route declares no access, `UndeclaredList` when one answers a list it does not declare.
    `root_routes` stand outside the prefix (JWKS).
    """
    api = Router(path=f"/api/v1/{context}", route_handlers=routes)
    app = Litestar(
        route_handlers=[api, *root_routes, *health_routes(readiness), serve_openapi],
        dependencies={
            "principal": Provide(provide_principal),
            "cursors": Provide(_constant(cursors_of(context, http)), sync_to_thread=False),
            "expected_version": Provide(provide_if_match),
            "required_version": Provide(provide_required_if_match),
            **{name: Provide(_constant(value), sync_to_thread=False) for name, value in dependencies.items()},
        },
        middleware=[
            Authentication(verifier),
            AccessCheck(),
            KnownParameters(),
            Writes(unit_of_work, idempotency),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        dto=JsonBody,
        return_dto=None,
        type_encoders={TextValue: str},
        type_decoders=[(_is_text_value, _decode_text_value)],
        plugins=[TextValueSchema()],
        openapi_config=openapi_config(f"Promenade {description.split(':')[0]}", version, description),
        cors_config=CORSConfig(allow_origins=list(http.cors_origins)) if http.cors_origins else None,
        logging_config=None,
        request_max_body_size=None,
        state=State({"context": context}),
    )
    declared_access(app)
    declared_lists(app)
    _prepare_handlers(app)
    return app


def with_edge(app: Litestar, http: HttpSettings) -> ASGIApp:
    """The application as it is served: with request ids, size limit, security headers and access log."""
    return Edge(app, max_body_bytes=http.max_body_bytes, context=app.state.context)


def _constant(value: Any) -> Any:
    def provide() -> Any:
        return value

    return provide


def _is_text_value(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, TextValue)


def _decode_text_value(kind: Any, value: Any) -> Any:
    return kind(value)


def _prepare_handlers(app: Litestar) -> None:
    for route in app.routes:
        for handler, kwargs in getattr(route, "route_handler_map", {}).values():
            handler.opt["query_parameters"] = frozenset(p.field_alias for p in kwargs.expected_query_params)
            # One by one. Litestar would make a task of each, and what handlers ask for here waits for nothing.
            kwargs.dependency_batches = [{each} for batch in kwargs.dependency_batches for each in batch]
