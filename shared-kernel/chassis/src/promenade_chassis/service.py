"""A service as its bootstrap composes it, and the roles it runs in."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
import uvicorn
from litestar import Litestar
from prometheus_client import start_http_server

from promenade_chassis.config import Settings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Bus
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.wake import WakeHints
from promenade_chassis.events.worker import EventWorker, event_worker
from promenade_chassis.http.app import with_edge
from promenade_chassis.http.health import Readiness
from promenade_chassis.http.listener import BoundedHeads, Server
from promenade_chassis.jobs import Job
from promenade_chassis.process_meters import hide_pool, show_build, show_pool

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """Everything one context consists of.

    `package` holds the migrations; `subscribe` tells the bus what the context reacts to; `jobs` run in the worker;
    `on_start` runs before the first request and the first event.
    """

    context: str
    package: str
    settings: Settings
    app: Litestar
    database: Database
    readiness: Readiness
    subscribe: Callable[[Bus], None] = field(default=lambda bus: None)
    jobs: Sequence[Job] = ()
    on_start: Sequence[Callable[[], Awaitable[None]]] = ()
    on_stop: Sequence[Callable[[], Awaitable[None]]] = ()


async def run(
    services: Sequence[Service],
    *,
    serve: bool = True,
    work: bool = True,
    memory: MemoryBus | None = None,
    stopping: asyncio.Event | None = None,
) -> None:
    """Run services in this process until SIGTERM or SIGINT, then drain: HTTP first, then events and jobs.

    `memory` puts all of them on one memory bus (`promenade up --single`).
    """
    stop = stopping or _stop_on_signals()
    async with AsyncExitStack() as stack:
        for service in services:
            await stack.enter_async_context(_open(service))
        # On a memory bus an event reaches only the contexts that have subscribed before the first relay starts.
        workers = [_worker(service, memory) for service in services] if work else []
        for service, worker in zip(services, workers, strict=False):
            await stack.enter_async_context(_working(service, worker))
        for service in services:
            if serve and not work and service.settings.bus.adapter == "redis":
                await stack.enter_async_context(_hinting(service))
            if serve:
                await stack.enter_async_context(serving(service.app, service.settings, service.readiness))
        await stop.wait()
        log.info("process.stopping")
    log.info("process.stopped")


@asynccontextmanager
async def _open(service: Service) -> AsyncGenerator[None, None]:
    try:
        await service.database.open()
        show_build(service.context, service.readiness.version)
        show_pool(service.context, service.database)
        for start in service.on_start:
            await start()
        admin = service.settings.admin
        if admin.port:
            start_http_server(admin.port, addr=admin.host)
        yield
    finally:
        for close in service.on_stop:
            await close()
        hide_pool(service.context)
        await service.database.close()


def _worker(service: Service, memory: MemoryBus | None) -> EventWorker:
    worker = event_worker(service.database, service.context, service.settings, memory_bus=memory)
    service.subscribe(worker.bus)
    return worker


@asynccontextmanager
async def _working(service: Service, worker: EventWorker) -> AsyncGenerator[None, None]:
    await worker.start()
    stopping = asyncio.Event()
    jobs = [
        asyncio.create_task(job.run(stopping, service.context), name=f"{service.context}:{job.name}")
        for job in service.jobs
    ]
    try:
        yield
    finally:
        stopping.set()
        deadline = service.settings.http.shutdown_seconds
        await worker.stop(deadline)
        await _finish(jobs, deadline)


@asynccontextmanager
async def _hinting(service: Service) -> AsyncGenerator[None, None]:
    """The relay is in another process: tell it when this one has committed something."""
    hints = WakeHints(service.settings.redis.url, service.context)
    service.database.when_events_recorded(hints.send)
    hints.start()
    try:
        yield
    finally:
        await hints.stop()


async def _finish(jobs: Sequence[asyncio.Task[None]], deadline: float) -> None:
    if not jobs:
        return
    _, late = await asyncio.wait(jobs, timeout=deadline)
    for job in late:
        log.warning("job.cut-off", job=job.get_name())
        job.cancel()
    await asyncio.gather(*late, return_exceptions=True)


@asynccontextmanager
async def serving(app: Litestar, settings: Settings, readiness: Readiness) -> AsyncGenerator[None, None]:
    """Listen while the block runs; at its end requests in flight are answered within the deadline."""
    http = settings.http
    config = uvicorn.Config(
        cast("Any", with_edge(app, http)),
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # uvicorn would believe whoever is on the same machine
        lifespan="on",
        timeout_graceful_shutdown=http.shutdown_seconds,
        http=BoundedHeads,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve(), name=f"http:{http.port}")
    await _started(server, task)
    log.info("http.listening", context=readiness.name, host=http.host, port=http.port)
    try:
        yield
    finally:
        readiness.draining = True
        server.should_exit = True
        await task


async def _started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            await task
            raise RuntimeError("the HTTP server stopped before it had started")
        await asyncio.sleep(0.01)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
