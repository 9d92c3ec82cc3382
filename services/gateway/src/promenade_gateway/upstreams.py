"""The services behind the gateway: their replicas, whose turn it is, and the connections to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from promenade_gateway.body import RequestBody
from promenade_gateway.breaker import Breaker
from promenade_gateway.errors import UpstreamBusy
from promenade_gateway.settings import GatewaySettings

# Shorter than a service keeps an idle connection (5 s), so that it is rarely the one to close it.
KEEP_ALIVE_SECONDS = 3.0
MAX_ANSWER_HEADER = 32 * 1024


class Unreachable(Exception):
    """No connection: the service has seen nothing of the request."""


class Dropped(Exception):
    """The connection ended before an answer began; whether the service acted is unknown."""


class Upstream:
    """One replica of a service."""

    def __init__(self, url: str, breaker: Breaker) -> None:
        self.url = url.rstrip("/")
        self.breaker = breaker


class Service:
    """All replicas of one service, in turns."""

    def __init__(self, name: str, upstreams: Iterable[Upstream], *, max_in_flight: int) -> None:
        self.name = name
        self.upstreams = tuple(upstreams)
        self._max_in_flight = max_in_flight
        self.in_flight = 0
        self._turn = 0

    def pick(self, *, after: Upstream | None = None) -> Upstream | None:
        """The next replica that may be tried; `after` comes last. None when all are left alone."""
        self._turn += 1
        start = self._turn % len(self.upstreams)
        order = [*self.upstreams[start:], *self.upstreams[:start]]
        order.sort(key=lambda upstream: upstream is after)
        return next((upstream for upstream in order if upstream.breaker.take()), None)

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None, None]:
        """Hold one of the service's places; raises `UpstreamBusy` when all are taken."""
        if self.in_flight >= self._max_in_flight:
            raise UpstreamBusy(f"The service {self.name} has too much to do; try again")
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


class Connections:
    """The keep-alive pool to all upstreams."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._open: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; it belongs to the running event loop."""
        connect_seconds = self._settings.connect_seconds
        self._open = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_SECONDS, ttl_dns_cache=10),
            cookie_jar=aiohttp.DummyCookieJar(),  # a shared jar would hand one client's cookies to the next
            timeout=aiohttp.ClientTimeout(total=None, connect=2 * connect_seconds, sock_connect=connect_seconds),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=MAX_ANSWER_HEADER,
            max_field_size=MAX_ANSWER_HEADER,
        )
        # aiohttp would repeat requests on its own; when to repeat is decided here, where the circuit breaker is.
        setattr(self._open, "_retry_connection", False)  # noqa: B010

    async def close(self) -> None:
        """Close every connection."""
        if self._open is not None:
            await self._open.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, while the pool is open."""
        if self._open is None:
            raise RuntimeError("the gateway is not open")
        return self._open

    async def ask(
        self, upstream: Upstream, method: str, target: bytes, headers: Iterable[tuple[str, str]], body: RequestBody
    ) -> aiohttp.ClientResponse:
        """Send one request and await the head of its answer; raises `Unreachable` or `Dropped`."""
        url = URL(upstream.url + target.decode("ascii"), encoded=True)
        data = body.chunks() if body.length != 0 else None
        try:
            answer = await self.session.request(
                method, url, headers=CIMultiDict(headers), data=data, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            upstream.breaker.failed()
            raise Unreachable(type(error).__name__) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Dropped(type(error).__name__) from error
        upstream.breaker.succeeded()
        return answer


def services_from(settings: GatewaySettings) -> Mapping[str, Service]:
    """The services of the configuration, by context."""
    return {
        context: Service(
            context,
            [Upstream(url, _breaker(settings)) for url in urls],
            max_in_flight=settings.max_in_flight,
        )
        for context, urls in settings.upstreams.items()
    }


def _breaker(settings: GatewaySettings) -> Breaker:
    return Breaker(failures=settings.breaker_failures, pause=settings.breaker_pause_seconds)
