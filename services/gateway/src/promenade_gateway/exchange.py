"""One request and its answer, as all steps of the gateway see it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from litestar.types import Receive, Send
from promenade_chassis.access_log import milliseconds
from promenade_chassis.auth import AccessToken
from promenade_chassis.http.edge import ROUTE_HEADER, SECURITY_HEADERS
from promenade_chassis.http.problems import MEDIA_TYPE, problem_body
from promenade_chassis.ports import DomainError, Unauthenticated
from promenade_chassis.telemetry.spans import Tracer
from promenade_chassis.telemetry.trace_context import trace_id_of

from promenade_gateway.naming import counted_route, logged_route, told_route
from promenade_gateway.peers import Peer
from promenade_gateway.routes import Route
from promenade_gateway.tracing import Trail, request_id_from

RawPairs = Sequence[tuple[bytes, bytes]]
CLIENT_GONE = 499  # nginx' status for the log; nobody is there to receive it


class Exchange:
    """Knows the request, sends the answer, remembers what the log will say.

    `extra_headers` (rate limits, CORS) go out with whatever answer it will be.
    """

    def __init__(self, scope: Any, receive: Receive, send: Send, peer: Peer, tracer: Tracer | None = None) -> None:
        self.scope = scope
        self.receive = receive
        self.peer = peer
        self.headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self.method: str = scope["method"]
        self.request_id = request_id_from(self.headers)
        self.trail = Trail(self.headers, tracer, self.method)
        if not self.trail.followed:  # a state without its trace is nobody's
            self.headers = [(name, value) for name, value in self.headers if name != b"tracestate"]
        self.told_route: str | None = None
        self.route: Route | None = None
        self.token: AccessToken | None = None
        self.extra_headers: dict[bytes, bytes] = {}
        self.status: int | None = None
        self.finished = False
        self.upstream_seconds: float | None = None
        self._send = send
        self._began = time.perf_counter()

    @property
    def started(self) -> bool:
        """Whether the head of an answer has left."""
        return self.status is not None

    @property
    def target(self) -> bytes:
        """Path and query, exactly as the client wrote them."""
        query: bytes = self.scope["query_string"]
        raw_path: bytes = self.scope["raw_path"]
        return raw_path + b"?" + query if query else raw_path

    async def start(self, status: int, headers: RawPairs) -> None:
        """Send the head of the answer; ours replace what the service says under the same names."""
        ours = {b"x-request-id": self.request_id.encode(), **self.extra_headers}
        self.status = status
        self.told_route = told_route(next((value for name, value in headers if name == ROUTE_HEADER), None))
        ours_alone = {ROUTE_HEADER, *ours} - {b"vary"}
        kept = [(name, value) for name, value in headers if name not in ours_alone]
        await self._send({"type": "http.response.start", "status": status, "headers": [*kept, *ours.items()]})

    @property
    def origin(self) -> bytes | None:
        """The page a browser sent the request from."""
        return next((value for name, value in self.headers if name == b"origin"), None)

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks if it may send another request."""
        return self.method == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in self.headers)

    async def send_body(self, chunk: bytes, *, more: bool) -> None:
        """Send a piece of the body."""
        self.finished = not more
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def refuse(self, error: DomainError) -> None:
        """Answer with the problem that the error stands for."""
        headers = {name.lower(): value for name, value in error.headers.items()}
        if isinstance(error, Unauthenticated):
            headers.setdefault("www-authenticate", "Bearer")
        body = problem_body(
            status=error.status,
            slug=error.slug,
            title=error.title,
            detail=error.detail,
            instance=self.scope["path"],
            request_id=self.request_id,
            **error.extra,
        )
        content = json.dumps(body).encode()
        await self.answer(error.status, MEDIA_TYPE, content, headers)

    async def answer(self, status: int, media_type: str, content: bytes, headers: dict[str, str]) -> None:
        """Send a whole answer of our own."""
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        if status != 204:
            pairs += [(b"content-type", media_type.encode()), (b"content-length", str(len(content)).encode())]
        await self.start(status, [*pairs, *SECURITY_HEADERS])
        await self.send_body(b"" if self.method == "HEAD" else content, more=False)

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
            "principal": str(self.token.principal.id) if self.token else None,
            "request_id": self.request_id,
            "trace_id": trace_id_of(self.trail.traceparent),
        }
