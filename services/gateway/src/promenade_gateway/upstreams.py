"""The services behind the gateway: their replicas, whose turn it is, and the connections to them."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from urllib.parse import urlsplit

from promenade_gateway.breaker import Breaker
from promenade_gateway.errors import UpstreamBusy
from promenade_gateway.settings import GatewaySettings
from promenade_gateway.upstream_wire import BrokenOff, Dropped, UpstreamWire

# Shorter than a service keeps an idle connection (5 s), so that it is rarely the one to close it.
KEEP_ALIVE_SECONDS = 3.0


class Unreachable(Exception):
    """No connection: the service has seen nothing of the request."""


class Upstream:
    """One replica of a service, and the idle connections to it."""

    def __init__(self, url: str, breaker: Breaker) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        self.breaker = breaker
        self.is_secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.is_secure else 80)
        self.authority = parts.netloc.encode()
        self.prefix = parts.path.rstrip("/").encode()
        self.idle: deque[UpstreamWire] = deque()


class Service:
    """All replicas of one service, in turns. `with service.slot():` holds one of its places."""

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
        if after is not None:
            order.sort(key=lambda upstream: upstream is after)
        for upstream in order:
            if upstream.breaker.take():
                return upstream
        return None

    def slot(self) -> Service:
        """One of the service's places; raises `UpstreamBusy` when all are taken."""
        if self.in_flight >= self._max_in_flight:
            raise UpstreamBusy(f"The service {self.name} has too much to do; try again")
        return self

    def __enter__(self) -> None:
        self.in_flight += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.in_flight -= 1


class Connections:
    """The keep-alive pool to all upstreams."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._connect_seconds = settings.connect_seconds
        self._tls = _tls_from(settings)
        self._open: set[UpstreamWire] = set()

    def idle(self, upstream: Upstream) -> UpstreamWire | None:
        """The idle connection that was used last, if there is one."""
        while upstream.idle:
            wire = upstream.idle.pop()
            if wire.is_open:
                if wire.is_quiet():
                    return wire
                wire.close()
        return None

    def give_back(self, upstream: Upstream, wire: UpstreamWire) -> None:
        """The answer was passed on, or will not be."""
        wire.release()
        idle = upstream.idle
        while idle and not idle[0].is_open:
            idle.popleft()
        if wire.is_idle:
            wire.deadline.within(KEEP_ALIVE_SECONDS)
            idle.append(wire)

    async def fetch(self, upstream: Upstream, target: bytes, *, limit: int, seconds: float) -> tuple[int, bytes]:
        """Status and body of a GET of our own, of at most `limit` bytes.

        Raises `Unreachable`, `Dropped`, `BrokenOff` or TimeoutError.
        """
        async with asyncio.timeout(seconds):
            wire = self.idle(upstream) or await self.connect(upstream)
            try:
                reply = await wire.ask(
                    b"GET %b%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (upstream.prefix, target, upstream.authority),
                    is_head=False,
                )
                content = bytearray()
                while piece := await reply.more(seconds):
                    content += piece
                    if len(content) > limit:
                        raise BrokenOff("the answer is too large")
                return reply.status, bytes(content)
            finally:
                self.give_back(upstream, wire)

    async def close(self) -> None:
        """Close every connection."""
        for wire in list(self._open):
            wire.close()

    async def connect(self, upstream: Upstream) -> UpstreamWire:
        """A new connection; raises `Unreachable`."""
        loop = asyncio.get_running_loop()
        tls = self._tls if upstream.is_secure else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, wire = await loop.create_connection(
                    lambda: UpstreamWire(loop, self._open.discard), upstream.host, upstream.port, ssl=tls
                )
        except OSError as error:  # TimeoutError and TLS errors are some
            upstream.breaker.failed()
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        if wire.is_open:
            self._open.add(wire)
        return wire


def _tls_from(settings: GatewaySettings) -> ssl.SSLContext | None:
    """None where nobody is spoken to over TLS: to read the system's certificates takes longer than all the rest."""
    urls = [url for replicas in settings.upstreams.values() for url in replicas]
    if not settings.upstream_ca and not any(urlsplit(url).scheme == "https" for url in urls):
        return None
    return ssl.create_default_context(cafile=settings.upstream_ca or None)


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


__all__ = ["BrokenOff", "Connections", "Dropped", "Service", "Unreachable", "Upstream", "services_from"]
