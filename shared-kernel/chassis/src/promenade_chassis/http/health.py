"""`/health/live` (the process) and `/health/ready` (what it depends on)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypedDict

import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec

from promenade_chassis.http.access import public

log = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0


class ReadinessReport(TypedDict):
    """What `/health/ready` shows; `checks` has a row for each dependency."""

    name: str
    version: str
    ready: bool
    checks: dict[str, bool]


class Readiness:
    """Named checks (`database`, `redis`, `migrations`); each answers within two seconds or fails."""

    def __init__(self, name: str, version: str, checks: Mapping[str, Callable[[], Awaitable[bool]]]) -> None:
        self.name = name
        self.version = version
        self._checks = dict(checks)
        self.draining = False

    async def report(self) -> ReadinessReport:
        """Every check's result; ready when all are well and the process is not about to end."""
        results = await asyncio.gather(*(self._run(name) for name in self._checks))
        checks = dict(zip(self._checks, results, strict=True))
        ready = all(results) and not self.draining
        return {"name": self.name, "version": self.version, "ready": ready, "checks": checks}

    async def _run(self, name: str) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return await self._checks[name]()
        except Exception as error:  # any failure of a dependency means not ready
            log.warning("health.check-failed", check=name, error=type(error).__name__)
            return False


def health_routes(readiness: Readiness) -> list[HTTPRouteHandler]:
    """The two health routes of every process."""

    @get("/health/live", access=public(), operation_id="live", summary="Whether the process answers", tags=["health"])
    async def live() -> dict[str, str]:
        """Answers as long as the process does; looks at nothing else."""
        return {"status": "ok"}

    @get(
        "/health/ready",
        access=public(),
        operation_id="ready",
        summary="Whether the service can do its work",
        tags=["health"],
        responses={503: ResponseSpec(ReadinessReport, description="Not ready; `checks` shows why")},
    )
    async def ready() -> Response[ReadinessReport]:
        """Looks at the database, Redis and migrations, as far as the process has them."""
        report = await readiness.report()
        return Response(report, status_code=200 if report["ready"] else 503)

    return [live, ready]
