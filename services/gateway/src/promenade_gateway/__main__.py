"""`python -m promenade_gateway serve | all | openapi`. The gateway has no database and no events of its own."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path

import structlog
import uvloop
from promenade_chassis.config import ConfigurationError, Settings, load_settings
from promenade_chassis.http.openapi import openapi_document, openapi_text
from promenade_chassis.logs import configure_logging
from promenade_chassis.telemetry.start import start_telemetry

from promenade_gateway.gateway import create_gateway, serving_gateway

log = structlog.get_logger(__name__)


def main() -> int:
    """Run one command; answers the exit status."""
    arguments = _parser().parse_args()
    try:
        settings = load_settings("gateway")
        configure_logging(settings.log, service="gateway")
        if arguments.command == "openapi":
            return _openapi(settings, arguments)
        _run(settings)
    except ConfigurationError as error:
        print(f"gateway: {error}", file=sys.stderr)  # noqa: T201 - the logger needs the configuration
        return 2
    return 0


def _run(settings: Settings) -> None:
    telemetry = start_telemetry(settings.telemetry, ["gateway"])
    try:
        uvloop.run(_serve(settings))
    finally:
        telemetry.stop()


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with serving_gateway(settings):
        _settle_memory()
        await stop.wait()
        log.info("process.stopping")
    log.info("process.stopped")


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
