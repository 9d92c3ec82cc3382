"""HTTP clients for smoke tests: straight into the application, without a socket."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from litestar import Litestar

from promenade_chassis.config import HttpSettings
from promenade_chassis.http.app import with_edge


@asynccontextmanager
async def client_of(app: Litestar, http: HttpSettings | None = None) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application as it is served, edge included."""
    served = cast("Any", with_edge(app, http or HttpSettings()))
    transport = httpx.ASGITransport(app=served)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
