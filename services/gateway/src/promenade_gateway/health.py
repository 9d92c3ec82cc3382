"""`GET /health`: one row a service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from promenade_gateway.upstream_wire import BrokenOff, Dropped
from promenade_gateway.upstreams import Connections, Service, Unreachable, Upstream

CHECK_SECONDS = 2.5  # a service gives each of its own checks 2 s


class ServiceHealth(msgspec.Struct, frozen=True):
    """`ready` when a replica says so; `version` is None while none answers."""

    name: str
    ready: bool
    version: str | None


class Health(msgspec.Struct, frozen=True):
    """`ok` only when every service is ready."""

    status: str
    services: list[ServiceHealth]


class HealthCheck:
    """Asks all services at once; callers that come while it asks share the answer."""

    def __init__(self, services: Mapping[str, Service], connections: Connections) -> None:
        self._services = services
        self._connections = connections
        self._asking: asyncio.Task[Health] | None = None

    async def report(self) -> Health:
        """The state of all services."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._asking)

    async def _ask_all(self) -> Health:
        rows = await asyncio.gather(*(self._ask(service) for service in self._services.values()))
        return Health("ok" if all(row.ready for row in rows) else "degraded", list(rows))

    async def _ask(self, service: Service) -> ServiceHealth:
        found = await asyncio.gather(*(self._ask_one(upstream) for upstream in service.upstreams))
        versions = [version for _, version in found if version is not None]
        return ServiceHealth(service.name, any(ready for ready, _ in found), versions[0] if versions else None)

    async def _ask_one(self, upstream: Upstream) -> tuple[bool, str | None]:
        try:
            status, body = await self._connections.fetch(
                upstream, b"/health/ready", limit=64 * 1024, seconds=CHECK_SECONDS
            )
            report: Any = msgspec.json.decode(body)
        except (Unreachable, Dropped, BrokenOff, TimeoutError, msgspec.DecodeError):
            return False, None
        version: Any = cast("dict[str, Any]", report).get("version") if isinstance(report, dict) else None
        return status == 200, version if isinstance(version, str) else None
