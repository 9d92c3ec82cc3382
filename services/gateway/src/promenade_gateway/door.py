"""The door: what happens to every request, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from promenade_chassis.access_log import log_request
from promenade_chassis.auth import TokenVerifier
from promenade_chassis.http.meters import HttpMeters
from promenade_chassis.ports import DomainError, ServiceUnavailable
from promenade_chassis.telemetry.spans import Tracer

from promenade_gateway.account import AccountKeys
from promenade_gateway.admission import Admission, RedisAway, Standing
from promenade_gateway.answer import Answer
from promenade_gateway.body import KEPT_BYTES, ClientGone
from promenade_gateway.cors import Cors
from promenade_gateway.errors import InternalError, RateLimited, TokenRevoked, TokenStale
from promenade_gateway.exchange import CLIENT_GONE, Exchange
from promenade_gateway.forward import Forwarder
from promenade_gateway.headers import check_framing
from promenade_gateway.limits import Bucket, LimitClass, Limits, policy_header
from promenade_gateway.meters import RATE_LIMITED, REDIS_AWAY
from promenade_gateway.peers import Peers
from promenade_gateway.request import Request
from promenade_gateway.routes import NOWHERE, Route, RouteTable
from promenade_gateway.settings import GatewaySettings
from promenade_gateway.tokens import authenticate

log = structlog.get_logger(__name__)

OwnPages = Callable[[Exchange], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """All steps of a request, and what each of them needs."""

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

    async def __call__(self, request: Request, answer: Answer) -> None:
        """Answer one request."""
        exchange = Exchange(request, answer, self.peers.of(request.client, request.headers), self.tracer)
        self.meters.in_flight += 1
        try:
            if self.tracer is None:
                await self._answered(exchange)
            else:
                with exchange.trail.under_way():
                    await self._answered(exchange)
        finally:
            self.meters.in_flight -= 1
            self._tell(exchange)

    async def _answered(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except (ClientGone, asyncio.CancelledError):
            if not exchange.request.gone:
                raise
            exchange.status = exchange.status or CLIENT_GONE
        finally:
            if self.tracer is not None:
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
            _refuse(exchange, error)
        except ClientGone:
            raise
        except Exception as error:  # whatever it is, the client gets a problem and we get a line
            log.error("request.failed", error=type(error).__name__, exc_info=error, request_id=exchange.request_id)
            _refuse(exchange, InternalError())

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        if not request.facts.is_framed:
            check_framing(request.headers, request.version)
            request.facts.is_framed = request.version == "1.1"
        if exchange.origin is not None:
            exchange.extra_headers |= self.cors.headers(exchange.origin)
        route, fault = self._find(exchange)
        exchange.route = route
        if exchange.is_preflight and b"access-control-allow-origin" in exchange.extra_headers:
            exchange.answer(204, "", b"", self.cors.preflight())
            return
        request.body.limit = self._limit_of(route)
        if not route.probe:
            await self._admit(exchange, route)
        if fault is not None:
            raise fault
        request.body.check_length()
        if route.context is None:
            await self.own_pages(exchange)
        else:
            await self.forwarder.forward(exchange, route.context, route.target or request.target)

    def _find(self, exchange: Exchange) -> tuple[Route, DomainError | None]:
        """The route; where there is none, what to say, once the attempt is counted."""
        try:
            return self.routes.find(exchange.method, exchange.request.raw_path), None
        except DomainError as error:
            return NOWHERE, error

    def _limit_of(self, route: Route) -> int:
        if route.body == "ordinary":
            return self.max_body_bytes
        # All of a body that holds an account's name is looked into.
        return self.settings.import_body_bytes if route.body == "import" else KEPT_BYTES

    async def _admit(self, exchange: Exchange, route: Route) -> None:
        """Token, revocation and rate limit; raises what refuses the request."""
        exchange.token, fault = await authenticate(self.verifier, exchange.request, needed=not route.public)
        buckets = (
            self._buckets(exchange) if route.limit is None else await self._stricter_buckets(exchange, route.limit)
        )
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

    def _buckets(self, exchange: Exchange) -> tuple[Bucket, ...]:
        if exchange.token is not None:
            return self.limits.for_principal(exchange.token.subject)
        return self.limits.for_address(exchange.peer.address)

    async def _stricter_buckets(self, exchange: Exchange, limit: LimitClass) -> tuple[Bucket, ...]:
        account = None if limit == "refresh" else self.accounts.of(await exchange.request.body.whole())
        return self.limits.for_class(limit, exchange.peer.address, account)

    def _go_on_without_redis(self, exchange: Exchange, route: Route, error: RedisAway) -> None:
        REDIS_AWAY.inc()
        signed_in = exchange.token is not None or not route.public
        refuse = signed_in and self.settings.when_redis_is_away == "refuse"
        log.warning("redis.away", error=str(error), refused=refuse, request_id=exchange.request_id)
        if refuse:
            raise ServiceUnavailable("Whether the token is still good cannot be told at the moment; try again")


def _refuse(exchange: Exchange, error: DomainError) -> None:
    if exchange.started:
        exchange.abort()
    else:
        exchange.refuse(error)


def _refuse_unless_good(standing: Standing) -> None:
    if standing is Standing.UNKNOWN:
        raise ServiceUnavailable("Whether the token is still good cannot be told at the moment; try again")
    if standing is Standing.REVOKED:
        raise TokenRevoked
    if standing is Standing.STALE:
        raise TokenStale
