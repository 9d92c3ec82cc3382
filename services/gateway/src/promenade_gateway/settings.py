"""What the gateway reads from its own section of the configuration."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec
from promenade_chassis.config import ConfigurationError, Settings, refuse_unasked, section

from promenade_gateway.peers import Peers

KIB = 1024
MIB = 1024 * KIB
MOST_PROCESSES = 64
_MOST_PORTS = 65536


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The section `gateway`. Times in seconds, sizes in bytes.

    `upstreams` maps a context to the base URLs of its replicas. `processes` share the port, and each has the numbers
    below for itself; rate limits are of all. `rate_limit_factor` multiplies every limit.
    `account_secret` keys the HMAC under which an account is counted; every replica needs the same one.
    `trusted_proxies` are the networks whose X-Forwarded-* headers count; from all others they are dropped.
    `when_redis_is_away` says what signed-in routes do then: `refuse` (503) or `pass`, which each time is logged.
    `upstream_ca` is a file of certificates that https upstreams are checked against, instead of the system's.
    `body_bytes_per_second`: who sends his body more slowly has `idle_seconds` for all of it.
    `max_connections_per_address` keeps one host (of IPv6: one /64) from taking the places of all; `trusted_proxies`
    may have more.
    `keep_alive_seconds` is how long a client's idle connection is kept: longer than a load balancer in front keeps it.
    """

    upstreams: dict[str, tuple[str, ...]]
    processes: int = 1
    rate_limit_factor: int = 1
    account_secret: str = ""
    trusted_proxies: tuple[str, ...] = ()
    upstream_ca: str = ""
    when_redis_is_away: Literal["refuse", "pass"] = "refuse"
    redis_seconds: float = 0.5
    connect_seconds: float = 1.0
    first_byte_seconds: float = 15.0
    idle_seconds: float = 30.0
    head_seconds: float = 10.0
    head_bytes: int = 64 * KIB
    import_body_bytes: int = 100 * MIB
    keep_alive_seconds: float = 75.0
    body_bytes_per_second: int = KIB
    max_connections: int = 10_000
    max_connections_per_address: int = 2500
    max_in_flight: int = 1000
    breaker_failures: int = 5
    breaker_pause_seconds: float = 1.0


def gateway_settings(settings: Settings) -> GatewaySettings:
    """The section, checked; raises `ConfigurationError`."""
    found = section(settings, "gateway", GatewaySettings)
    refuse_unasked(settings)
    for context, urls in found.upstreams.items():
        if not urls or not all(map(_is_base_url, urls)):
            raise ConfigurationError(f"gateway.upstreams.{context} needs a list of http(s) URLs: host, port and path")
    for name in ("rate_limit_factor", "body_bytes_per_second", "max_connections_per_address"):
        if getattr(found, name) < 1:
            raise ConfigurationError(f"gateway.{name} must be 1 or more")
    _check_processes(settings, found.processes)
    try:
        Peers(found.trusted_proxies)
    except ValueError as error:
        raise ConfigurationError(f"gateway.trusted_proxies needs a list of networks: {error}") from error
    return found


def _check_processes(settings: Settings, count: int) -> None:
    """They share one port, and each has another one to tell of itself."""
    if not 1 <= count <= MOST_PROCESSES:
        raise ConfigurationError(f"gateway.processes must be 1 to {MOST_PROCESSES}")
    if count > 1 and not settings.http.port:
        raise ConfigurationError("gateway.processes share a port, which http.port must name")
    admin = settings.admin.port
    ports = range(admin, admin + count) if admin else range(0)
    if count > 1 and (settings.http.port in ports or ports.stop > _MOST_PORTS):
        raise ConfigurationError(f"gateway.processes: {count} ports from admin.port on must be there and free")


def _is_base_url(url: str) -> bool:
    """What else a URL can hold would go into the Host header or the log, or nowhere."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    nothing_else = "@" not in parts.netloc and not parts.query and not parts.fragment
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and nothing_else
