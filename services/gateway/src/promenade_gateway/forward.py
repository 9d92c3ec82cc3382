"""Passing a request on and its answer back, both as streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import structlog

from promenade_gateway.body import ClientGone, RequestBody
from promenade_gateway.errors import UpstreamAway, UpstreamTooSlow
from promenade_gateway.exchange import Exchange
from promenade_gateway.headers import answer_headers, request_headers
from promenade_gateway.meters import UPSTREAM_FAILURES, UPSTREAM_RETRIES, UPSTREAM_SECONDS
from promenade_gateway.settings import GatewaySettings
from promenade_gateway.upstreams import Connections, Dropped, Service, Unreachable, Upstream

log = structlog.get_logger(__name__)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class Forwarder:
    """Sends requests to services and streams their answers."""

    def __init__(self, services: Mapping[str, Service], connections: Connections, settings: GatewaySettings) -> None:
        self._services = services
        self._connections = connections
        self._settings = settings

    async def forward(self, exchange: Exchange, context: str, target: bytes, body: RequestBody) -> None:
        """Answer the exchange with what the service says.

        Raises `DomainError` while nothing has been sent, and `ClientGone` at any time.
        """
        task = asyncio.current_task()
        watch = asyncio.create_task(_cancel_when_gone(body, task))
        try:
            async with self._services[context].slot():
                await self._exchange(exchange, self._services[context], target, body)
        except asyncio.CancelledError:
            if not isinstance(body.failure, ClientGone) or task is None:
                raise
            task.uncancel()
            raise body.failure from None
        finally:
            watch.cancel()

    async def _exchange(self, exchange: Exchange, service: Service, target: bytes, body: RequestBody) -> None:
        began = time.perf_counter()
        try:
            answer = await self._ask(exchange, service, target, body)
        except BaseException as error:
            exchange.trail.attempted(type(error).__name__)
            raise
        finally:
            exchange.upstream_seconds = time.perf_counter() - began
        try:
            await self._pass_back(exchange, answer)
            exchange.upstream_seconds = time.perf_counter() - began
        finally:
            exchange.trail.attempted(status=answer.status)
            UPSTREAM_SECONDS.labels(service.name).observe(exchange.upstream_seconds)
            # An answer that was not read to its end takes its connection with it.
            answer.release() if exchange.finished else answer.close()

    async def _ask(self, exchange: Exchange, service: Service, target: bytes, body: RequestBody) -> Any:
        upstream = service.pick()
        if upstream is None:
            raise UpstreamAway(service.name)
        try:
            return await self._ask_one(exchange, service, upstream, target, body)
        except (Unreachable, Dropped) as error:
            UPSTREAM_FAILURES.labels(service.name, type(error).__name__.lower()).inc()
            log.warning("upstream.failed", upstream=upstream.url, error=str(error), reached=isinstance(error, Dropped))
            again = _next_try(exchange, service, upstream, body, error)
            if again is None:
                raise UpstreamAway(service.name) from error
        UPSTREAM_RETRIES.labels(service.name).inc()
        try:
            return await self._ask_one(exchange, service, again, target, body)
        except (Unreachable, Dropped) as error:
            UPSTREAM_FAILURES.labels(service.name, type(error).__name__.lower()).inc()
            raise UpstreamAway(service.name) from error

    async def _ask_one(
        self, exchange: Exchange, service: Service, upstream: Upstream, target: bytes, body: RequestBody
    ) -> aiohttp.ClientResponse:
        loop = asyncio.get_running_loop()
        exchange.trail.attempt(exchange.method, service.name, upstream.url)
        headers = request_headers(exchange.headers, _own_headers(exchange, body))
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_seconds + settings.first_byte_seconds) as deadline:

                def reschedule(waiting: bool) -> None:
                    """While the client sends, its own time limit counts; then the service's."""
                    allowed = settings.first_byte_seconds if body.complete.is_set() else settings.idle_seconds
                    deadline.reschedule(None if waiting else loop.time() + allowed)

                body.on_wait = reschedule
                try:
                    return await self._connections.ask(upstream, exchange.method, target, headers, body)
                finally:
                    body.on_wait = None
        except TimeoutError as error:
            raise UpstreamTooSlow(service.name) from error
        except Dropped:
            if body.failure is not None:  # it was the client's side that failed, not the service's
                raise body.failure from None
            raise

    async def _pass_back(self, exchange: Exchange, answer: aiohttp.ClientResponse) -> None:
        await exchange.start(answer.status, answer_headers(answer.raw_headers, status=answer.status))
        try:
            while True:
                async with asyncio.timeout(self._settings.idle_seconds):
                    chunk = await answer.content.readany()
                if not chunk:
                    break
                await exchange.send_body(chunk, more=True)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("upstream.broke-off", upstream=str(answer.url.origin()), error=type(error).__name__)
            await abort(exchange)
            return
        await exchange.send_body(b"", more=False)


def _own_headers(exchange: Exchange, body: RequestBody) -> dict[str, str]:
    ours = {
        **exchange.peer.headers(),
        "X-Request-Id": exchange.request_id,
        "traceparent": exchange.trail.traceparent,
    }
    if body.length is not None and (body.length or exchange.method not in ("GET", "HEAD", "OPTIONS")):
        ours["Content-Length"] = str(body.length)
    return ours


def _next_try(
    exchange: Exchange, service: Service, failed: Upstream, body: RequestBody, error: Exception
) -> Upstream | None:
    """Where to send the request again, if that can do no harm: nothing was sent, or it may be done twice."""
    if not body.can_be_sent_again or body.failure is not None:
        return None
    if isinstance(error, Dropped) and exchange.method not in IDEMPOTENT:
        return None
    upstream = service.pick(after=failed)
    if upstream is failed and isinstance(error, Unreachable):
        return None
    return upstream


async def _cancel_when_gone(body: RequestBody, task: asyncio.Task[Any] | None) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await body.gone()
        if task is not None:
            task.cancel()


async def abort(exchange: Exchange) -> None:
    """Break the connection: a client must not take half an answer for the whole."""
    abort = exchange.scope.get("extensions", {}).get("promenade.abort")
    if abort is None:
        raise ConnectionAbortedError("the service broke off in the middle of its answer")
    abort()
    await asyncio.sleep(0)
