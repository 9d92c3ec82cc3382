"""The outermost layer of every application: request id, cause, security headers, size limit, one log line."""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from promenade_kernel.events.envelope import Cause
from promenade_kernel.values.ids import new_id

from promenade_chassis.ports import DomainError, use_cause

log = structlog.get_logger("promenade.access")

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET = ("/health/",)


class BodyTooLarge(DomainError):
    """The body is larger than this route takes."""

    slug = "body-too-large"
    status = 413
    title = "The body is too large"
    advice = "Send less at once; `detail` names the limit where it is known."


class Edge:
    """Wraps a Litestar application. `max_body_bytes` is checked while the body streams in."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        request_id = _matching(_REQUEST_ID, headers.get(b"x-request-id")) or str(new_id())
        traceparent = _matching(_TRACEPARENT, headers.get(b"traceparent"))
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        cause = Cause(correlation_id=request_id, causation_id=request_id, traceparent=traceparent, actor=None)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        with use_cause(cause):
            await self._handle(scope, receive, send, request_id)

    async def _handle(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        began = time.perf_counter()
        status = 499  # until an answer begins: the client went away

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, self._limited(scope, receive), send_with_headers)
        finally:
            _log(scope, status, time.perf_counter() - began)

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


def _matching(pattern: re.Pattern[bytes], value: bytes | None) -> str | None:
    return value.decode() if value is not None and pattern.fullmatch(value) else None


def _with_headers(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    present = {name.lower() for name, _ in given}
    added = [(name, value) for name, value in SECURITY_HEADERS if name not in present]
    return [*given, *added, (b"x-request-id", request_id.encode())]


def _log(scope: Any, status: int, seconds: float) -> None:
    if scope["path"].startswith(_QUIET):
        return
    principal = scope["state"].get("principal")
    log.info(
        "request.handled",
        method=scope["method"],
        path=scope["path"],
        status=status,
        duration_ms=round(seconds * 1000, 1),
        principal=str(principal.id) if principal else None,
    )
