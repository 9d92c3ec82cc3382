"""The gateway's own pages: health, problems, its specification. The one part that is a Litestar application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from litestar import Litestar, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.types import Message
from promenade_chassis.http.access import declared_access, guard_access, public
from promenade_chassis.http.edge import SECURITY_HEADERS
from promenade_chassis.http.health import Readiness, health_routes
from promenade_chassis.http.openapi import openapi_config, serve_openapi
from promenade_chassis.http.problems import EXCEPTION_HANDLERS

from promenade_gateway.documentation import DOCUMENTATION
from promenade_gateway.exchange import Exchange
from promenade_gateway.health import Health, HealthCheck
from promenade_gateway.problem_pages import PROBLEM_ROUTES

DESCRIPTION = "The one door: authentication, rate limits and routing. Knows no business."


def create_pages(check: HealthCheck, readiness: Readiness, documentation: Sequence[HTTPRouteHandler]) -> Litestar:
    """The application; its routes are public. `documentation` are those of `docs_routes`."""

    @get(
        "/health",
        access=public(),
        operation_id="health",
        summary="Whether every service is ready",
        tags=["health"],
        responses={503: ResponseSpec(Health, description="At least one service is not ready")},
    )
    async def health() -> Response[Health]:
        """One row a service, as its own readiness says."""
        report = await check.report()
        return Response(report, status_code=200 if report.status == "ok" else 503)

    app = Litestar(
        route_handlers=[health, *health_routes(readiness), *PROBLEM_ROUTES, serve_openapi, *documentation],
        guards=[guard_access],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=openapi_config("Promenade Gateway", readiness.version, DESCRIPTION),
        logging_config=None,
        opt={"documentation": DOCUMENTATION, "own_pages": True},
    )
    declared_access(app)
    return app


class Pages:
    """Answers an exchange with one of the own pages."""

    def __init__(self, app: Litestar) -> None:
        self._app = app

    async def __call__(self, exchange: Exchange) -> None:
        """Run the application; its answer goes through the exchange, so that it carries the same headers."""
        route = exchange.route
        target = route.target.decode() if route and route.target else exchange.scope["path"]
        scope = {
            **exchange.scope,
            "method": "GET" if exchange.method == "HEAD" else exchange.method,
            "path": target,
            "raw_path": target.encode(),
            "state": {"request_id": exchange.request_id},
        }

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower(), value) for name, value in message["headers"]]
                names = {name for name, _ in given}
                given += [(name, value) for name, value in SECURITY_HEADERS if name not in names]
                await exchange.start(message["status"], given)
            elif message["type"] == "http.response.body":
                chunk = b"" if exchange.method == "HEAD" else message["body"]
                await exchange.send_body(chunk, more=message["more_body"])

        await self._app(cast("Any", scope), exchange.receive, send)
