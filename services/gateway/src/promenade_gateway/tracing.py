"""Request id and trace of one request: taken over when well-formed, made otherwise, and recorded when configured."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext

from promenade_chassis.telemetry.spans import Span, Tracer, inside
from promenade_chassis.telemetry.trace_context import new_traceparent, traceparent_from, tracestate_from
from promenade_kernel.values.ids import new_id_text

from promenade_gateway.headers import RawHeaders

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


def request_id_from(headers: RawHeaders) -> str:
    """The client's X-Request-Id, or a new one."""
    given = _first(headers, b"x-request-id")
    return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else new_id_text()


class Trail:
    """The trace of one request: the client's, or a new one.

    `traceparent` is what goes on to the service: with a tracer that of the attempt to reach it, without one the
    client's own. `followed` tells whether the client brought a trace.
    """

    __slots__ = ("_attempt", "_span", "followed", "traceparent")

    def __init__(self, headers: RawHeaders, tracer: Tracer | None, method: str) -> None:
        given = traceparent_from(_first(headers, b"traceparent"))
        self.followed = given is not None
        self._attempt: Span | None = None
        self._span: Span | None = None
        if tracer is None:
            self.traceparent = given or new_traceparent()
            return
        state = tracestate_from(_first(headers, b"tracestate")) if given else None
        self._span = tracer.begin(method, "server", parent=given, state=state)
        self.traceparent = self._span.traceparent

    def under_way(self) -> AbstractContextManager[Span | None]:
        """For the length of the request; its end ends the span."""
        return nullcontext() if self._span is None else inside(self._span)

    def attempt(self, method: str, service: str, url: str) -> None:
        """The request is sent to a replica, perhaps after another one has failed."""
        if self._span is None:
            return
        if self._attempt is not None:
            self.attempted("unreachable")
        attributes = {"http.request.method": method, "peer.service": service, "server.address": url}
        self._attempt = self._span.child(f"{method} {service}", "client", attributes)
        self.traceparent = self._attempt.traceparent

    def attempted(self, failure: str = "", status: int = 0) -> None:
        """What became of it; `failure` is the class of an error."""
        if self._attempt is None:
            return
        if failure or status >= 500:
            self._attempt.fail(failure or str(status))
        if status:
            self._attempt.describe({"http.response.status_code": status})
        self._attempt.end()
        self._attempt = None

    def answered(self, method: str, route: str, status: int, request_id: str) -> None:
        """The request is answered; `route` is a template."""
        if self._span is None:
            return
        self._span.rename(f"{method} {route}")
        about = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        self._span.describe({**about, "promenade.request_id": request_id})
        if status >= 500:
            self._span.fail(str(status))


def _first(headers: RawHeaders, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None
