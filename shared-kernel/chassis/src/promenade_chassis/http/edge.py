"""The outermost layer of every application: ids and cause, trace, security headers, size limit, meters, a log line."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import UUID

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from promenade_kernel.events.envelope import Cause
from promenade_kernel.values.ids import new_id

from promenade_chassis.access_log import log_request, milliseconds
from promenade_chassis.http.meters import NO_ROUTE, http_meters_of
from promenade_chassis.ports import DomainError, use_cause
from promenade_chassis.telemetry.spans import Span, Tracer, inside, tracer_of
from promenade_chassis.telemetry.trace_context import trace_id_of, traceparent_from, tracestate_from

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
# Tells the gateway under which name to log and count; the gateway passes it on to nobody.
ROUTE_HEADER = b"promenade-route"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_QUIET = ("/health/",)
_CLIENT_GONE = 499


class BodyTooLarge(DomainError):
    """The body is larger than this route takes."""

    slug = "body-too-large"
    status = 413
    title = "The body is too large"
    advice = "Send less at once; `detail` names the limit where it is known."


class _Visit:
    """One request, for whoever tells of it afterwards: the application sees a HEAD as the GET it is about."""

    __slots__ = ("began", "method", "request_id", "scope", "span", "status", "traceparent")

    def __init__(self, scope: Any, request_id: str, traceparent: str | None) -> None:
        self.began = time.perf_counter()
        self.method: str = scope["method"]
        # A dict of its own: the server's has to go on saying HEAD, for it frames the answer.
        self.scope: Any = {**scope, "method": "GET"} if self.method == "HEAD" else scope
        self.request_id = request_id
        self.traceparent = traceparent
        self.span: Span | None = None
        self.status = _CLIENT_GONE  # until an answer begins

    @property
    def route(self) -> str:
        """The template; none where nothing was found."""
        return self.scope.get("path_template") or NO_ROUTE


class Edge:
    """Wraps the Litestar application of one context. `max_body_bytes` is checked while the body streams in."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, context: str = "") -> None:
        self._app = app
        self._limit = max_body_bytes
        self._meters = http_meters_of(context)
        self._tracer = tracer_of(context)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        request_id = _request_id(headers.get(b"x-request-id"))
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        visit = _Visit(scope, request_id, traceparent_from(headers.get(b"traceparent")))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if self._tracer is None or scope["path"].startswith(_QUIET):
            await self._handle(visit, receive, send)
        else:
            await self._handle_traced(self._tracer, visit, tracestate_from(headers.get(b"tracestate")), receive, send)

    async def _handle_traced(
        self, tracer: Tracer, visit: _Visit, state: str | None, receive: Receive, send: Send
    ) -> None:
        span = tracer.begin(visit.method, "server", parent=visit.traceparent, state=state)
        visit.span, visit.traceparent = span, span.traceparent
        with inside(span):
            try:
                await self._handle(visit, receive, send)
            finally:
                _describe(span, visit)

    async def _handle(self, visit: _Visit, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = _with_headers(message["headers"], visit)
            await sent(message)

        sent = _without_body(send) if visit.method == "HEAD" else send
        scope: Scope = visit.scope
        self._meters.in_flight += 1
        try:
            with use_cause(_cause_of(visit)):
                await self._app(scope, self._limited(scope, receive), send_with_headers)
        finally:
            self._meters.in_flight -= 1
            self._tell(visit)

    def _tell(self, visit: _Visit) -> None:
        seconds = time.perf_counter() - visit.began
        scope = visit.scope
        self._meters.answered(visit.method, visit.route, visit.status, seconds)
        if not scope["path"].startswith(_QUIET):
            log_request(_line_of(visit, seconds))

    def _limited(self, scope: Any, receive: Receive) -> Receive:
        limit = scope.get("max_body_bytes", self._limit)
        length = next((v for k, v in scope["headers"] if k.lower() == b"content-length"), b"0")
        # Nothing has a length of twenty digits: then the bytes themselves are counted.
        announced = int(length) if length.isdigit() and len(length) < 20 else 0
        seen = announced if announced > limit else 0

        async def receive_limited() -> Any:
            nonlocal seen
            if seen > limit:
                raise BodyTooLarge(f"The body may have up to {limit} bytes")
            message: Any = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise BodyTooLarge(f"The body may have up to {limit} bytes")
            return message

        return receive_limited


def _request_id(given: bytes | None) -> str:
    return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else str(new_id())


def _without_body(send: Send) -> Send:
    """The head of the answer only. It ends with the first piece: who would stream on is told that nobody listens."""
    ended = False

    async def send_head(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            await send(message)
        elif not ended:
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head


def _cause_of(visit: _Visit) -> Cause:
    return Cause(visit.request_id, visit.request_id, visit.traceparent, None)


def _with_headers(headers: Any, visit: _Visit) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    present = {name.lower() for name, _ in given}
    added = [(name, value) for name, value in SECURITY_HEADERS if name not in present]
    return [*given, *added, (b"x-request-id", visit.request_id.encode()), (ROUTE_HEADER, visit.route.encode())]


def _describe(span: Span, visit: _Visit) -> None:
    span.rename(f"{visit.method} {visit.route}")
    span.describe(
        {
            "http.request.method": visit.method,
            "http.route": visit.route,
            "http.response.status_code": visit.status,
            "promenade.request_id": visit.request_id,
        }
    )
    if visit.status >= 500:
        span.fail(str(visit.status))


def _line_of(visit: _Visit, seconds: float) -> dict[str, Any]:
    """What the log says of a request: ids, never words of the client's."""
    scope = visit.scope
    principal = scope["state"].get("principal")
    ids = {name: str(value) for name, value in scope.get("path_params", {}).items() if isinstance(value, UUID)}
    line: dict[str, Any] = {
        "method": visit.method,
        "route": visit.route,
        "status": visit.status,
        "duration_ms": milliseconds(seconds),
        "principal": str(principal.id) if principal else None,
        "request_id": visit.request_id,
    }
    if visit.traceparent is not None:
        line["trace_id"] = trace_id_of(visit.traceparent)
    return {**line, "ids": ids} if ids else line
