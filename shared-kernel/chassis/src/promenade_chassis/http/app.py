"""`create_app`: a Litestar application with the house's habits; a service adds its routes and dependencies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler
from promenade_kernel.values.text import TextValue

from promenade_chassis.auth import TokenVerifier
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.access import AccessCheck, declared_access, provide_principal
from promenade_chassis.http.authentication import Authentication
from promenade_chassis.http.bodies import JsonBody
from promenade_chassis.http.cursors import cursors_of
from promenade_chassis.http.edge import Edge
from promenade_chassis.http.handing import hand_over
from promenade_chassis.http.health import Readiness, health_routes
from promenade_chassis.http.lists import declared_lists
from promenade_chassis.http.openapi import TextValueSchema, openapi_config, serve_openapi
from promenade_chassis.http.openapi_examples import Documentation
from promenade_chassis.http.parameters import KnownParameters, remember_parameters
from promenade_chassis.http.problems import EXCEPTION_HANDLERS
from promenade_chassis.http.resources import provide_if_match, provide_required_if_match
from promenade_chassis.http.writes import Writes
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import UnitOfWork


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
    around: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Litestar:
    """A service's application under `/api/v1/<context>`.

    `dependencies` maps names to the objects handlers ask for by that name. Raises `UndeclaredAccess` when a
    route declares no access, `UndeclaredList` when one answers a list it does not declare.
    `root_routes` stand outside the prefix (JWKS). `documentation` is what the specification says beyond the routes.
    `around` wraps all of it but the edge: it sees each answer as it leaves, refusals included, whoever refused; after
    the call `scope` tells route and caller, and `scope["state"]["refused_as"]` the code of a problem.
    """
    api = Router(path=f"/api/v1/{context}", route_handlers=routes)
    constants = {"cursors": cursors_of(context, http), **dependencies}
    app = Litestar(
        route_handlers=[api, *root_routes, *health_routes(readiness), serve_openapi],
        dependencies={
            "principal": Provide(provide_principal),
            "expected_version": Provide(provide_if_match),
            "required_version": Provide(provide_required_if_match),
            **{name: Provide(_constant(value), sync_to_thread=False) for name, value in constants.items()},
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
        opt={"documentation": documentation or Documentation()},
        request_max_body_size=None,
        state=State({"context": context, "around": around}),
    )
    declared_access(app)
    declared_lists(app)
    remember_parameters(app)
    hand_over(app, constants)
    return app


def with_edge(app: Litestar, http: HttpSettings) -> ASGIApp:
    """The application as it is served: with request ids, size limit, security headers and access log."""
    around: Callable[[ASGIApp], ASGIApp] | None = app.state.get("around")
    served = app if around is None else around(app)
    return Edge(served, max_body_bytes=http.max_body_bytes, context=app.state.get("context", ""))


def _constant(value: Any) -> Any:
    def provide() -> Any:
        return value

    return provide


def _is_text_value(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, TextValue)


def _decode_text_value(kind: Any, value: Any) -> Any:
    return kind(value)
