"""Every service's command line: `python -m promenade_<context> serve | work | all | migrate | events | openapi`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from promenade_chassis.config import ConfigurationError, Settings, load_settings, refuse_unasked
from promenade_chassis.events_command import add_events_parser, run_events
from promenade_chassis.http.cursors import require_cursor_key
from promenade_chassis.http.openapi import openapi_document, openapi_text
from promenade_chassis.logs import configure_logging
from promenade_chassis.migrations import folders_of, migrate
from promenade_chassis.service import Service, run
from promenade_chassis.telemetry.start import start_telemetry

Build = Callable[[Settings], Service]


@dataclass(frozen=True, slots=True)
class ExtraCommand:
    """A command only one service has; `arguments` declares its options."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Settings, argparse.Namespace], Awaitable[int]]


def main(context: str, package: str, build: Build, extra: Mapping[str, ExtraCommand] | None = None) -> int:
    """Run one command; answers the exit status."""
    arguments = _parser(context, extra or {}).parse_args()
    try:
        settings = load_settings(context)
        configure_logging(settings.log, service=context)
        if arguments.command == "events":
            return uvloop.run(run_events(settings, context, arguments))
        return _dispatch(arguments, settings, context, package, build, extra or {})
    except ConfigurationError as error:
        print(f"{context}: {error}", file=sys.stderr)  # noqa: T201 - the logger needs the configuration
        return 2


def _dispatch(
    arguments: argparse.Namespace,
    settings: Settings,
    context: str,
    package: str,
    build: Build,
    extra: Mapping[str, ExtraCommand],
) -> int:
    command: str = arguments.command
    if command == "migrate":
        return _migrate(settings, package)
    if command == "openapi":
        return _openapi(_built(build, settings), arguments)
    if command in extra:
        return uvloop.run(_extra(extra[command], settings, arguments))
    serve, work = command in ("serve", "all"), command in ("work", "all")
    if serve:
        require_cursor_key(settings.http)
    # Before anything is made: what is traced is decided where it is made.
    telemetry = start_telemetry(settings.telemetry, [context])
    try:
        uvloop.run(_run(build, settings, serve=serve, work=work))
    finally:
        telemetry.stop()
    return 0


async def _extra(command: ExtraCommand, settings: Settings, arguments: argparse.Namespace) -> int:
    return await command.run(settings, arguments)


async def _run(build: Build, settings: Settings, *, serve: bool, work: bool) -> None:
    # Built inside the loop: pools and events belong to it.
    await run([_built(build, settings)], serve=serve, work=work)


def _built(build: Build, settings: Settings) -> Service:
    service = build(settings)
    refuse_unasked(settings)
    return service


def _migrate(settings: Settings, package: str) -> int:
    applied = migrate(settings.database.url, folders_of(package))
    print("\n".join(f"applied {name}" for name in applied) or "up to date")  # noqa: T201 - this is its output
    return 0


def _openapi(service: Service, arguments: argparse.Namespace) -> int:
    text = openapi_text(openapi_document(service.app))
    path: Path | None = arguments.file
    if path is None:
        sys.stdout.write(text)
        return 0
    if arguments.check:
        current = path.is_file() and path.read_text(encoding="utf-8") == text
        if not current:
            print(f"{path} is stale: run `just openapi`", file=sys.stderr)  # noqa: T201 - this is its output
        return 0 if current else 1
    path.write_text(text, encoding="utf-8")
    return 0


def _parser(context: str, extra: Mapping[str, ExtraCommand]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"promenade-{context}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("all", help="serve HTTP and work on events in one process")
    commands.add_parser("serve", help="serve HTTP")
    commands.add_parser("work", help="publish and consume events, run timers")
    commands.add_parser("migrate", help="bring the database up to date")
    add_events_parser(commands.add_parser("events", help="what waits, what is stuck, what was given up"))
    openapi = commands.add_parser("openapi", help="write the OpenAPI specification")
    openapi.add_argument("file", nargs="?", type=Path, help="where to; standard output when left out")
    openapi.add_argument("--check", action="store_true", help="write nothing, fail when the file is stale")
    for name, command in extra.items():
        command.arguments(commands.add_parser(name, help=command.help))
    return parser
