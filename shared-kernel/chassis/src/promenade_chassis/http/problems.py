"""Problem details (RFC 9457): the one form of every error answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException, ValidationException
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from promenade_chassis.http.framework_errors import (
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    error_of_status,
)
from promenade_chassis.http.parameters import spelled
from promenade_chassis.ports import (
    DomainError,
    Fault,
    Invalid,
    NotFound,
    PreconditionFailed,
    ServiceUnavailable,
    StaleVersion,
    Unauthenticated,
)

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
AnyRequest = Request[Any, Any, Any]


def problem_body(
    *,
    status: int,
    slug: str,
    title: str,
    detail: str,
    instance: str,
    request_id: str,
    faults: tuple[Fault, ...] = (),
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The members of a problem; `errors` only where there are faults, and `extra` never in place of a member."""
    body: dict[str, Any] = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": slug,
        "request_id": request_id,
    }
    if faults:
        body["errors"] = [{"pointer": f.pointer, "detail": f.detail, "code": f.code} for f in faults]
    return {**(extra or {}), **body}


def problem(request: AnyRequest, error: DomainError) -> Response[dict[str, Any]]:
    """The answer to a domain error."""
    if isinstance(error, StaleVersion):
        if request.headers.get("if-match", "*") != "*":
            return problem(request, PreconditionFailed())
        request.scope["state"]["lost_race"] = True
    request.scope["state"]["refused_as"] = error.slug
    headers = dict(error.headers)
    if isinstance(error, Unauthenticated):
        headers.setdefault("WWW-Authenticate", "Bearer")
    faults = error.faults if isinstance(error, Invalid) else ()
    body = problem_body(
        status=error.status,
        slug=error.slug,
        title=error.title,
        detail=error.detail,
        instance=request.url.path,
        request_id=request_id_of(request.scope),
        faults=faults,
        extra=error.extra,
    )
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


def request_id_of(scope: Any) -> str:
    """The id under which this request stands in answers and logs."""
    return str(scope.get("state", {}).get("request_id", ""))


def _on_domain_error(request: AnyRequest, error: DomainError) -> Response[Any]:
    return problem(request, error)


def _on_http_exception(request: AnyRequest, error: HTTPException) -> Response[Any]:
    kind = error_of_status(error.status_code)
    # What a fault of ours says of itself is for the logs.
    detail = error.detail if kind is not InternalError else None
    return problem(request, kind(detail, headers=_headers_of(error)))


def _on_not_found(request: AnyRequest, _: NotFoundException) -> Response[Any]:
    return problem(request, NotFound(f"There is nothing at {request.url.path}"))


def _on_method_not_allowed(request: AnyRequest, error: MethodNotAllowedException) -> Response[Any]:
    refusal = MethodNotAllowed(f"{request.method} is not possible here", headers=_headers_of(error))
    return problem(request, refusal)


def _headers_of(error: HTTPException) -> dict[str, str]:
    return {key: str(value) for key, value in (error.headers or {}).items()}


def _on_bad_query(request: AnyRequest, error: ValidationException) -> Response[Any]:
    """Litestar reports wrong query parameters and headers this way; bodies never come here."""
    entries: list[Any] = error.extra if isinstance(error.extra, list) else []
    faults = tuple(
        Fault(f"?{spelled(entry.get('key', ''))}", str(entry.get("message", "")), "invalid-parameter")
        for entry in entries
    )
    detail = f"{faults[0].pointer[1:]}: {faults[0].detail}" if faults else None
    return problem(request, InvalidParameter(faults, detail))


def _route_of(request: AnyRequest) -> str:
    """The template: a path itself may hold what a log must not."""
    scope: Any = request.scope
    return str(scope.get("path_template") or "none")


def _on_dependency_away(request: AnyRequest, error: Exception) -> Response[Any]:
    log.warning("dependency.away", error=type(error).__name__, route=_route_of(request))
    return problem(request, ServiceUnavailable())


def _on_anything_else(request: AnyRequest, error: Exception) -> Response[Any]:
    log.error("request.failed", route=_route_of(request), error=type(error).__name__, exc_info=error)
    return problem(request, InternalError())


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]] = {
    DomainError: _on_domain_error,
    ValidationException: _on_bad_query,
    NotFoundException: _on_not_found,
    MethodNotAllowedException: _on_method_not_allowed,
    HTTPException: _on_http_exception,
    OperationalError: _on_dependency_away,
    PoolTimeout: _on_dependency_away,
    RedisConnectionError: _on_dependency_away,
    RedisTimeoutError: _on_dependency_away,
    Exception: _on_anything_else,
}
