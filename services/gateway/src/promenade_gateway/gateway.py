"""The composition root: builds the gateway from the configuration and serves it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from litestar import Litestar
from promenade_chassis.auth import TokenVerifier, verifier_from
from promenade_chassis.config import Settings
from promenade_chassis.http.health import Readiness
from promenade_chassis.http.meters import http_meters_of
from promenade_chassis.process_meters import show_build
from promenade_chassis.telemetry.spans import tracer_of
from prometheus_client import start_http_server

from promenade_gateway.account import AccountKeys
from promenade_gateway.admission import Admission, RedisAdmission
from promenade_gateway.cors import Cors
from promenade_gateway.docs.routes import docs_routes
from promenade_gateway.door import Door
from promenade_gateway.forward import Forwarder
from promenade_gateway.health import HealthCheck
from promenade_gateway.house import ClientLimits
from promenade_gateway.limits import Limits
from promenade_gateway.listener import Listener, room_for_clients
from promenade_gateway.meters import upstreams_shown
from promenade_gateway.pages import Pages, create_pages
from promenade_gateway.peers import Peers
from promenade_gateway.routes import RouteTable
from promenade_gateway.settings import GatewaySettings, gateway_settings
from promenade_gateway.upstreams import Connections, Service, services_from

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything the gateway consists of; `door` answers each request."""

    settings: Settings
    own: GatewaySettings
    door: Door
    pages: Litestar
    readiness: Readiness
    connections: Connections
    admission: Admission
    services: Mapping[str, Service]

    async def close(self) -> None:
        """Give all connections back."""
        await self.connections.close()
        await self.admission.close()


def create_gateway(
    settings: Settings, *, verifier: TokenVerifier | None = None, admission: Admission | None = None
) -> Gateway:
    """Build the gateway; nothing is opened yet. Tests bring keys of their own, and fakes."""
    own = gateway_settings(settings)
    services = services_from(own)
    connections = Connections(own)
    readiness = Readiness("gateway", version("promenade-gateway"), {})
    documentation = docs_routes(
        tuple(services), origin=settings.auth.issuer.rstrip("/"), one_machine=settings.profile == "embedded"
    )
    pages = create_pages(HealthCheck(services, connections), readiness, documentation)
    asked = admission or RedisAdmission(settings.redis.url, seconds=own.redis_seconds)
    door = Door(
        routes=RouteTable(services),
        peers=Peers(own.trusted_proxies),
        cors=Cors(settings.http.cors_origins),
        verifier=verifier or verifier_from(settings.auth),
        limits=Limits(own.rate_limit_factor),
        accounts=AccountKeys(own.account_secret or settings.auth.issuer),
        admission=asked,
        forwarder=Forwarder(services, connections, own),
        own_pages=Pages(pages),
        settings=own,
        max_body_bytes=settings.http.max_body_bytes,
        meters=http_meters_of("gateway"),
        tracer=tracer_of("gateway"),
    )
    return Gateway(settings, own, door, pages, readiness, connections, asked, services)


@asynccontextmanager
async def serving_gateway(
    settings: Settings,
    *,
    verifier: TokenVerifier | None = None,
    admission: Admission | None = None,
    shared: bool = False,
) -> AsyncGenerator[Gateway, None]:
    """Listen while the block runs; at its end requests in flight are answered within the deadline.

    `shared`: on a port that other processes listen on as well.
    """
    gateway = create_gateway(settings, verifier=verifier, admission=admission)
    if not gateway.own.account_secret:
        log.warning("gateway.account-key-guessable", advice="set gateway.account_secret")
    admin = settings.admin
    metrics = start_http_server(admin.port, addr=admin.host)[0] if admin.port else None
    show_build("gateway", gateway.readiness.version)
    try:
        with upstreams_shown(gateway.services):
            async with _listening(gateway, shared=shared):
                yield gateway
    finally:
        await gateway.close()
        if metrics is not None:
            metrics.shutdown()
            metrics.server_close()


@asynccontextmanager
async def _listening(gateway: Gateway, *, shared: bool) -> AsyncGenerator[None, None]:
    http = gateway.settings.http
    listener = Listener(gateway.door, _client_limits(gateway.own), gateway.door.peers.vouched_for)
    await listener.open(http.host, http.port, shared=shared)
    log.info("http.listening", context="gateway", host=http.host, port=http.port)
    try:
        yield
    finally:
        gateway.readiness.draining = True
        await listener.close(http.shutdown_seconds)


def _client_limits(own: GatewaySettings) -> ClientLimits:
    return ClientLimits(
        head_bytes=own.head_bytes,
        head_seconds=own.head_seconds,
        idle_seconds=own.idle_seconds,
        keep_alive_seconds=own.keep_alive_seconds,
        body_bytes_per_second=own.body_bytes_per_second,
        max_connections=min(own.max_connections, room_for_clients()),
        max_connections_per_address=own.max_connections_per_address,
    )
