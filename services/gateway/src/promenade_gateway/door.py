"""The door: what happens to every request, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from litestar.types import Receive, Send
from promenade_chassis.access_log import log_request
from promenade_chassis.auth import TokenVerifier
from promenade_chassis.http.meters import HttpMeters
from promenade_chassis.ports import DomainError, ServiceUnavailable
from promenade_chassis.telemetry.spans import Tracer

from promenade_gateway.account import AccountKeys
from promenade_gateway.admission import Admission, RedisAway, Standing
from promenade_gateway.body import KEPT_BYTES, ClientGone, RequestBody
from promenade_gateway.cors import Cors
from promenade_gateway.errors import InternalError, RateLimited, TokenRevoked, TokenStale
from promenade_gateway.exchange import CLIENT_GONE, Exchange
from promenade_gateway.forward import Forwarder, abort
from promenade_gateway.headers import check_framing, one
from promenade_gateway.limits import Bucket, Limits, policy_header
from promenade_gateway.meters import RATE_LIMITED, REDIS_AWAY
from promenade_gateway.peers import Peers
from promenade_gateway.routes import NOWHERE, Route, RouteTable
from promenade_gateway.settings import GatewaySettings
from promenade_gateway.tokens import authenticate

log = structlog.get_logger(__name__)

OwnPages = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The gateway as an ASGI application."""

    routes: RouteTable
    peers: Peers
    cors: Cors
    verifier: TokenVerifier
    limits: Limits
    accounts: AccountKeys
    admission: Admission
    forwarder: Forwarder
    own_pages: OwnPages
    settings: GatewaySettings
    max_body_bytes: int
    meters: HttpMeters
    tracer: Tracer | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handle one request; other connections than HTTP are not served."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self.peers.of(scope), self.tracer)
        self.meters.in_flight += 1
        try:
            with exchange.trail.under_way():
                await self._answered(exchange)
        finally:
            self.meters.in_flight -= 1
            self._tell(exchange)

    async def _answered(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except ClientGone:
            exchange.status = exchange.status or CLIENT_GONE
        finally:
            status = exchange.status or CLIENT_GONE
            exchange.trail.answered(exchange.method, exchange.counted_route, status, exchange.request_id)

    def _tell(self, exchange: Exchange) -> None:
        status = exchange.status or CLIENT_GONE
        self.meters.answered(exchange.method, exchange.counted_route, status, exchange.seconds)
        if exchange.route is None or not exchange.route.probe:
            log_request(exchange.line())

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._handle(exchange)
        except DomainError as error:
            if exchange.started:
                raise
            await exchange.refuse(error)
        except ClientGone:
            raise
        except Exception as error:  # whatever it is, the client gets a problem and we get a line
            log.error("request.failed", error=type(error).__name__, exc_info=error, request_id=exchange.request_id)
            await (abort(exchange) if exchange.started else exchange.refuse(InternalError()))

    async def _handle(self, exchange: Exchange) -> None:
        check_framing(exchange.headers, exchange.scope["http_version"])
        exchange.extra_headers |= self.cors.headers(exchange.origin)
        route, fault = self._find(exchange)
        exchange.route = route
        if exchange.is_preflight and b"access-control-allow-origin" in exchange.extra_headers:
            await exchange.answer(204, "", b"", self.cors.preflight())
            return
        body = self._body_of(exchange, route)
        if not route.probe:
            await self._admit(exchange, route, body)
        if fault is not None:
            raise fault
        body.check_length()
        if route.context is None:
            await self.own_pages(exchange)
        else:
            await self.forwarder.forward(exchange, route.context, route.target or exchange.target, body)

    def _find(self, exchange: Exchange) -> tuple[Route, DomainError | None]:
        """The route; where there is none, what to say, once the attempt is counted."""
        try:
            return self.routes.find(exchange.method, exchange.scope["raw_path"]), None
        except DomainError as error:
            return NOWHERE, error

    def _body_of(self, exchange: Exchange, route: Route) -> RequestBody:
        length = one(exchange.headers, b"content-length")
        chunked = one(exchange.headers, b"transfer-encoding") is not None
        limit = {
            "ordinary": self.max_body_bytes,
            "import": self.settings.import_body_bytes,
            "credentials": KEPT_BYTES,  # all of it is looked into for the account
        }[route.body]
        return RequestBody(
            exchange.receive,
            limit=limit,
            length=None if chunked else int(length or 0),
            idle_seconds=self.settings.idle_seconds,
        )

    async def _admit(self, exchange: Exchange, route: Route, body: RequestBody) -> None:
        """Token, revocation and rate limit; raises what refuses the request."""
        authorization = one(exchange.headers, b"authorization")
        exchange.token, fault = await authenticate(self.verifier, authorization, needed=not route.public)
        buckets = await self._buckets(exchange, route, body)
        exchange.extra_headers[b"ratelimit-policy"] = policy_header(buckets).encode()
        try:
            verdict = await self.admission.ask(exchange.token, buckets)
        except RedisAway as error:
            if fault is not None:
                raise fault from None
            self._go_on_without_redis(exchange, route, error)
            return
        exchange.extra_headers[b"ratelimit"] = verdict.draw.header.encode()
        _refuse_unless_good(verdict.standing)
        if not verdict.draw.allowed:
            RATE_LIMITED.labels(buckets[0].policy.name).inc()
            raise RateLimited(verdict.draw.retry_after)
        if fault is not None:
            raise fault

    async def _buckets(self, exchange: Exchange, route: Route, body: RequestBody) -> tuple[Bucket, ...]:
        address = exchange.peer.address
        if route.limit == "refresh":
            return self.limits.for_class(route.limit, address, None)
        if route.limit is not None:
            return self.limits.for_class(route.limit, address, self.accounts.of(await body.whole()))
        if exchange.token is not None:
            return self.limits.for_principal(str(exchange.token.principal.id))
        return self.limits.for_address(address)

    def _go_on_without_redis(self, exchange: Exchange, route: Route, error: RedisAway) -> None:
        REDIS_AWAY.inc()
        signed_in = exchange.token is not None or not route.public
        refuse = signed_in and self.settings.when_redis_is_away == "refuse"
        log.warning("redis.away", error=str(error), refused=refuse, request_id=exchange.request_id)
        if refuse:
            raise ServiceUnavailable("Whether the token is still good cannot be told at the moment; try again")


def _refuse_unless_good(standing: Standing) -> None:
    if standing is Standing.UNKNOWN:
        raise ServiceUnavailable("Whether the token is still good cannot be told at the moment; try again")
    if standing is Standing.REVOKED:
        raise TokenRevoked
    if standing is Standing.STALE:
        raise TokenStale
