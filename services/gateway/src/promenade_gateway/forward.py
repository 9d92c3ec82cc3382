"""Passing a request on and its answer back, both as streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog
from promenade_chassis.ports import DomainError

from promenade_gateway.body import ClientGone, RequestBody
from promenade_gateway.errors import UpstreamAway, UpstreamTooSlow
from promenade_gateway.exchange import Exchange
from promenade_gateway.headers import answer_headers, request_headers
from promenade_gateway.meters import UPSTREAM_FAILURES, UPSTREAM_RETRIES, upstream_seconds
from promenade_gateway.request import Request
from promenade_gateway.settings import GatewaySettings
from promenade_gateway.upstream_wire import BrokenOff, Dropped, Reply, UpstreamWire
from promenade_gateway.upstreams import Connections, Service, Unreachable, Upstream

log = structlog.get_logger(__name__)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class Forwarder:
    """Sends requests to services and streams their answers."""

    def __init__(self, services: Mapping[str, Service], connections: Connections, settings: GatewaySettings) -> None:
        self._services = services
        self._connections = connections
        self._settings = settings
        self._observe = {name: upstream_seconds(name).add for name in services}

    async def forward(self, exchange: Exchange, context: str, target: bytes) -> None:
        """Answer the exchange with what the service says; raises `DomainError` while nothing has been sent."""
        service = self._services[context]
        with service.slot():
            exchange.ask_began()
            try:
                await self._try(exchange, service, target)
            except BaseException as error:
                exchange.ask_ended(failure=type(error).__name__)
                raise
            self._observe[context](exchange.ask_ended())

    async def _try(self, exchange: Exchange, service: Service, target: bytes) -> None:
        upstream = service.pick()
        if upstream is None:
            raise UpstreamAway(service.name)
        try:
            await self._exchange(exchange, service, upstream, target)
            return
        except (Unreachable, Dropped) as error:
            UPSTREAM_FAILURES.labels(service.name, type(error).__name__.lower()).inc()
            exchange.trail.attempted(type(error).__name__)
            log.warning("upstream.failed", upstream=upstream.url, error=str(error), reached=isinstance(error, Dropped))
            again = _next_try(exchange, service, upstream, error)
            if again is None:
                raise UpstreamAway(service.name) from error
        UPSTREAM_RETRIES.labels(service.name).inc()
        try:
            await self._exchange(exchange, service, again, target)
        except (Unreachable, Dropped) as error:
            UPSTREAM_FAILURES.labels(service.name, type(error).__name__.lower()).inc()
            exchange.trail.attempted(type(error).__name__)
            raise UpstreamAway(service.name) from error

    async def _exchange(self, exchange: Exchange, service: Service, upstream: Upstream, target: bytes) -> None:
        exchange.trail.attempt(exchange.method, service.name, upstream.url)
        wire = self._connections.idle(upstream) or await self._connections.connect(upstream)
        try:
            reply = await self._ask(exchange, wire, _head(exchange, upstream, target))
            upstream.breaker.succeeded()
            await self._pass_back(exchange, reply, upstream)
        except TimeoutError as error:
            raise UpstreamTooSlow(service.name) from error
        finally:
            self._connections.give_back(upstream, wire)

    def _ask(self, exchange: Exchange, wire: UpstreamWire, head: bytes) -> asyncio.Future[Reply]:
        body, is_head = exchange.request.body, exchange.method == "HEAD"
        arrived = body.arrived()
        if arrived is None:
            answer = wire.ask(head, is_head=is_head)
            wire.sending = asyncio.create_task(self._send(wire, body))
        else:
            answer = wire.ask(head + _framed(body, arrived, is_last=True), is_head=is_head)
            wire.sent(self._settings.first_byte_seconds)
        return answer

    async def _send(self, wire: UpstreamWire, body: RequestBody) -> None:
        """While the client sends, its own time limit counts; then the service's."""
        try:
            async for piece in body.pieces():
                wire.write(_framed(body, piece, is_last=False))
                await wire.drain(self._settings.idle_seconds)
            wire.write(_framed(body, b"", is_last=True))
            wire.sent(self._settings.first_byte_seconds)
        except (DomainError, ClientGone, Dropped) as error:
            wire.fail(error)

    async def _pass_back(self, exchange: Exchange, reply: Reply, upstream: Upstream) -> None:
        exchange.begin(reply.status, answer_headers(reply.headers, status=reply.status))
        try:
            piece = reply.take()
            while not reply.is_complete:
                exchange.write(piece) if piece else exchange.flush()
                await exchange.drain()
                piece = await reply.more(self._settings.idle_seconds)
            exchange.end(piece + reply.take())
        except BrokenOff as error:
            log.warning("upstream.broke-off", upstream=upstream.url, error=str(error))
            exchange.abort()


def _head(exchange: Exchange, upstream: Upstream, target: bytes) -> bytes:
    return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b%bX-Request-Id: %b\r\ntraceparent: %b\r\n%b\r\n" % (
        exchange.method.encode(),
        upstream.prefix,
        target,
        upstream.authority,
        _passed(exchange),
        _length_line(exchange.request),
        exchange.request_id.encode(),
        exchange.trail.traceparent.encode(),
        exchange.peer.lines,
    )


def _passed(exchange: Exchange) -> bytes:
    """The lines of the client's that go on."""
    facts = exchange.request.facts
    if facts.passed is None:
        kept = request_headers(exchange.headers, exchange.request.fields)
        facts.passed = b"".join([b"%b: %b\r\n" % pair for pair in kept])
    return facts.passed


def _length_line(request: Request) -> bytes:
    length = request.body.length
    if length is None:
        return b"Transfer-Encoding: chunked\r\n"
    if length or request.method not in _WITHOUT_BODY:
        return b"Content-Length: %d\r\n" % length
    return b""


def _framed(body: RequestBody, piece: bytes, *, is_last: bool) -> bytes:
    if body.length is not None:
        return piece
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
    return chunk + b"0\r\n\r\n" if is_last else chunk


def _next_try(exchange: Exchange, service: Service, failed: Upstream, error: Exception) -> Upstream | None:
    """Where to send the request again, if that can do no harm: nothing was sent, or it may be done twice."""
    body = exchange.request.body
    if exchange.started or not body.can_be_sent_again or body.failure is not None:
        return None
    if isinstance(error, Dropped) and exchange.method not in IDEMPOTENT:
        return None
    upstream = service.pick(after=failed)
    if upstream is failed and isinstance(error, Unreachable):
        return None
    return upstream
