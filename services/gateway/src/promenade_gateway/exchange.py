"""One request and its answer, as all steps of the gateway see it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from promenade_chassis.access_log import milliseconds
from promenade_chassis.auth import AccessToken
from promenade_chassis.http.edge import ROUTE_HEADER, SECURITY_HEADERS
from promenade_chassis.http.problems import MEDIA_TYPE, problem_body
from promenade_chassis.ports import DomainError, Invalid, Unauthenticated
from promenade_chassis.telemetry.spans import Tracer
from promenade_chassis.telemetry.trace_context import trace_id_of

from promenade_gateway.answer import Answer
from promenade_gateway.naming import counted_route, logged_route, told_route
from promenade_gateway.peers import SCHEME, Peer
from promenade_gateway.request import Request
from promenade_gateway.routes import Route
from promenade_gateway.tracing import Trail, request_id_from

RawPairs = Sequence[tuple[bytes, bytes]]
CLIENT_GONE = 499  # nginx' status for the log; nobody is there to receive it


class Exchange:
    """Knows the request, sends the answer, remembers what the log will say.

    `extra_headers` (rate limits, CORS) go out with whatever answer it will be. The steps, for who watches them: made,
    `ask_began`, `ask_ended` (the service's part, which may not take place), `ended`.
    """

    def __init__(self, request: Request, answer: Answer, peer: Peer, tracer: Tracer | None = None) -> None:
        self.request = request
        self.method = request.method
        self.headers = request.headers
        self.peer = peer
        fields = request.fields
        self.request_id = request_id_from(request.headers if b"x-request-id" in fields else ())
        self.trail = Trail(request.headers if b"traceparent" in fields else (), tracer, request.method)
        if b"tracestate" in fields and not self.trail.followed:  # a state without its trace is nobody's
            self.headers = [(name, value) for name, value in request.headers if name != b"tracestate"]
        self.told_route: str | None = None
        self.route: Route | None = None
        self.token: AccessToken | None = None
        self.extra_headers = {b"x-request-id": self.request_id.encode()}
        self.status: int | None = None
        self.upstream_seconds: float | None = None
        self._answer = answer
        self._asked_at = 0.0
        self._was_received = False
        self._began = time.perf_counter()

    @property
    def started(self) -> bool:
        """Whether an answer has begun."""
        return self._answer.started

    @property
    def finished(self) -> bool:
        """Whether it has come to its end."""
        return self._answer.finished

    @property
    def target(self) -> bytes:
        """Path and query, exactly as the client wrote them."""
        return self.request.target

    @property
    def origin(self) -> bytes | None:
        """The page a browser sent the request from."""
        return self.request.fields.get(b"origin")

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks if it may send another request."""
        return self.method == "OPTIONS" and b"access-control-request-method" in self.request.fields

    @property
    def scope(self) -> dict[str, Any]:
        """The request as ASGI has it, for applications inside."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.request.version,
            "method": self.method,
            "scheme": SCHEME,
            "path": self.request.path,
            "raw_path": self.request.raw_path,
            "query_string": self.request.query,
            "root_path": "",
            "headers": self.headers,
            "client": (self.request.client, 0) if self.request.client else None,
            "server": None,
        }

    async def receive(self) -> Any:
        """ASGI's receive: the body in one piece, then nothing until the client leaves, which ends the task."""
        if self._was_received:
            await asyncio.Event().wait()
        self._was_received = True
        return {"type": "http.request", "body": await self.request.body.whole(), "more_body": False}

    def begin(self, status: int, headers: RawPairs) -> None:
        """Begin the answer; ours replace what the service says under the same names."""
        self.status = status
        kept = [pair for pair in headers if pair[0] != ROUTE_HEADER]
        if len(kept) < len(headers):
            self.told_route = told_route(next(value for name, value in headers if name == ROUTE_HEADER))
        self._answer.begin(status, kept, self.extra_headers)

    def write(self, piece: bytes) -> None:
        """Send a piece of the body."""
        self._answer.write(piece)

    def end(self, piece: bytes = b"") -> None:
        """Send the last piece of the body."""
        self._answer.end(piece)

    def flush(self) -> None:
        """Send the head, while the body is still to come."""
        self._answer.flush()

    async def drain(self) -> None:
        """Wait while the client reads more slowly than it is sent to."""
        await self._answer.drain()

    def abort(self) -> None:
        """Break the connection: a client must not take half an answer for the whole."""
        self._answer.abort()

    async def start(self, status: int, headers: RawPairs) -> None:
        """Begin the answer of an ASGI application."""
        self.begin(status, headers)

    async def send_body(self, chunk: bytes, *, more: bool) -> None:
        """Send a piece of the body of an ASGI application."""
        if more:
            self.write(chunk)
            await self.drain()
        else:
            self.end(chunk)

    def refuse(self, error: DomainError) -> None:
        """Answer with the problem that the error stands for."""
        headers = {name.lower(): value for name, value in error.headers.items()}
        if isinstance(error, Unauthenticated):
            headers.setdefault("www-authenticate", "Bearer")
        body = problem_body(
            status=error.status,
            slug=error.slug,
            title=error.title,
            detail=error.detail,
            instance=self.request.path,
            request_id=self.request_id,
            faults=error.faults if isinstance(error, Invalid) else (),
            extra=error.extra,
        )
        self.answer(error.status, MEDIA_TYPE, json.dumps(body).encode(), headers)

    def answer(self, status: int, media_type: str, content: bytes, headers: dict[str, str]) -> None:
        """Send a whole answer of our own."""
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        if status != 204:
            pairs += [(b"content-type", media_type.encode()), (b"content-length", str(len(content)).encode())]
        self.begin(status, [*pairs, *SECURITY_HEADERS])
        self.end(content)

    def ask_began(self) -> None:
        """The request goes to a service."""
        self._asked_at = time.perf_counter()

    def ask_ended(self, failure: str = "") -> float:
        """The service has answered, or will not; answers how many seconds it had."""
        self.trail.attempted(failure, 0 if failure else self.status or 0)
        self.upstream_seconds = time.perf_counter() - self._asked_at
        return self.upstream_seconds

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.perf_counter() - self._began

    @property
    def counted_route(self) -> str:
        """Under which name it is counted: one of a bounded set."""
        return self.told_route or counted_route(self.route)

    def line(self) -> dict[str, Any]:
        """What the access log says: no token, no body, no path or query as the client wrote it."""
        upstream = self.upstream_seconds
        return {
            "method": self.method,
            "route": self.told_route or logged_route(self.route),
            "status": self.status,
            "duration_ms": milliseconds(self.seconds),
            "upstream_ms": None if upstream is None else milliseconds(upstream),
            "principal": self.token.subject if self.token else None,
            "request_id": self.request_id,
            "trace_id": trace_id_of(self.trail.traceparent),
        }
