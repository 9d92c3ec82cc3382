"""`python -m promenade_gateway serve | all | openapi`. The gateway has no database and no events of its own."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import structlog
import uvloop
from msgspec.structs import replace
from promenade_chassis.config import ConfigurationError, Settings, load_settings
from promenade_chassis.http.openapi import openapi_document, openapi_text
from promenade_chassis.logs import configure_logging
from promenade_chassis.telemetry.start import start_telemetry

from promenade_gateway.crew import Crew
from promenade_gateway.gateway import create_gateway, serving_gateway
from promenade_gateway.listener import reserved
from promenade_gateway.settings import gateway_settings

log = structlog.get_logger(__name__)

_LAST_SECONDS = 10.0  # beyond the deadline for requests: closing the door before, telemetry and connections after


def main() -> int:
    """Run one command; answers the exit status."""
    arguments = _parser().parse_args()
    try:
        settings = load_settings("gateway")
        configure_logging(settings.log, service="gateway")
        if arguments.command == "openapi":
            return _openapi(settings, arguments)
        return _run(settings)
    except ConfigurationError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201 - the logger needs the configuration
        return 2


def _run(settings: Settings) -> int:
    count = gateway_settings(settings).processes
    if count == 1:
        return _run_one(settings, None)
    try:
        keepers = reserved(settings.http.host, settings.http.port)
    except OSError as error:
        log.error("http.not-listening", host=settings.http.host, port=settings.http.port, error=str(error))
        return 1
    _settle_memory()  # what the processes have in common stays in common

    def work(number: int, lifeline: int) -> int:
        _close(keepers)  # or those whom a killed parent leaves, who still answer, would keep the port from the next one
        return _run_one(_own(settings, number), lifeline)

    status = Crew(count, work, patience=settings.http.shutdown_seconds + _LAST_SECONDS).run()
    _close(keepers)
    return status


def _close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _own(settings: Settings, number: int) -> Settings:
    """Each process tells of itself, on a port of its own."""
    admin = settings.admin
    return replace(settings, admin=replace(admin, port=admin.port + number)) if admin.port else settings


def _run_one(settings: Settings, lifeline: int | None) -> int:
    telemetry = start_telemetry(settings.telemetry, ["gateway"])
    try:
        uvloop.run(_serve(settings, lifeline))
    finally:
        telemetry.stop()
    return 0


async def _serve(settings: Settings, lifeline: int | None) -> None:
    """Until SIGTERM, or until the process at the lifeline's other end is no more."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, _let_go, loop, lifeline, stop)
    async with serving_gateway(settings, shared=lifeline is not None):
        _settle_memory()
        await stop.wait()
        log.info("process.stopping")
    log.info("process.stopped")


def _let_go(loop: asyncio.AbstractEventLoop, lifeline: int, stop: asyncio.Event) -> None:
    loop.remove_reader(lifeline)
    stop.set()


def _settle_memory() -> None:
    """What is there now stays: the collector need not look at it again, nor so often at what requests leave."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _openapi(settings: Settings, arguments: argparse.Namespace) -> int:
    text = openapi_text(openapi_document(create_gateway(settings).pages))
    path: Path | None = arguments.file
    if path is None:
        sys.stdout.write(text)
    elif not arguments.check:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        print(f"{path} is stale: run `just openapi`", file=sys.stderr)  # noqa: T201 - this is its output
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="promenade-gateway")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve HTTP")
    commands.add_parser("all", help="the same as serve: there are no events here")
    openapi = commands.add_parser("openapi", help="write the OpenAPI specification of the gateway's own pages")
    openapi.add_argument("file", nargs="?", type=Path, help="where to; standard output when left out")
    openapi.add_argument("--check", action="store_true", help="write nothing, fail when the file is stale")
    return parser


if __name__ == "__main__":
    sys.exit(main())
