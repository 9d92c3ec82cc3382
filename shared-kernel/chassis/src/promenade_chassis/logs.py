"""Structured logs: one JSON line an event, or text for people; secrets never enter."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from promenade_chassis.config import LogSettings
from promenade_chassis.error_words import trace_of
from promenade_chassis.events.reacting import name_delivery

_SECRET_KEYS = ("password", "token", "secret", "code", "authorization", "cookie")
_LINES_SECONDS, _MOST_LINES = 0.01, 500
_json = msgspec.json.Encoder(enc_hook=repr)


def configure_logging(settings: LogSettings, *, service: str) -> None:
    """Set structlog up for this process; standard-library loggers (uvicorn, psycopg) join at warning level."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    pretty = settings.format == "console"
    renderer = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if pretty
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        name_delivery,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_service(service),
        _redact,
        structlog.processors.ExceptionRenderer(_trace),
    ]
    processors = [*shared, renderer]
    if _ShortWay.open is not None:
        _ShortWay.open.flush()
    _ShortWay.open = None if pretty else _ShortWay(processors, level, service)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


@atexit.register
def _flush() -> None:
    if _ShortWay.open is not None:
        _ShortWay.open.flush()


class AccessLog:
    """One line a request, for who has so many of them that structlog's way would cost as much as half the rest.

    The line is the same; where structlog was configured by somebody else, as in tests, it goes that way.
    """

    def __init__(self, name: str) -> None:
        self._log = structlog.get_logger(name)

    def info(self, event: str, fields: dict[str, Any]) -> None:
        """Write a line at level info; fields named like secrets are redacted."""
        short = _ShortWay.open
        if short is None or not short.is_in_force():
            self._log.info(event, **fields)
        elif short.level <= logging.INFO:
            short.write(_redact(None, "", {**fields, "event": event, "level": "info"}))


class _ShortWay:
    """What `configure_logging` has set up, without the steps that have nothing to add to an access line.

    Inside an event loop lines are written a hundredth of a second's worth at a time: the system call for one costs as
    much as a tenth of the request. A process that is killed loses those.
    """

    open: _ShortWay | None = None

    def __init__(self, processors: list[Any], level: int, service: str) -> None:
        self._processors = processors
        self._steps = len(processors)
        self._file = sys.stderr
        self._lines: list[str] = []
        self._service = service
        self.level = level

    def is_in_force(self) -> bool:
        # Tests that capture what is logged change the list in place.
        return len(self._processors) == self._steps

    def write(self, event: MutableMapping[str, Any]) -> None:
        event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        event["service"] = self._service
        self._lines.append(_to_json(event) + "\n")
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_later(_LINES_SECONDS, self.flush)
            except RuntimeError:
                self.flush()
        elif len(self._lines) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            self._file.write("".join(lines))
            self._file.flush()


def _name_service(service: str) -> Any:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _trace(exc_info: tuple[Any, BaseException, Any]) -> str:
    return trace_of(exc_info[1])


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in event:
        if _is_secret(key):
            event[key] = "[redacted]"
    return event


@lru_cache(maxsize=1000)
def _is_secret(key: str) -> bool:
    return any(secret in key.lower() for secret in _SECRET_KEYS)


def _to_json(event: Any, **_: Any) -> str:
    """A tenth of what the standard library takes for a line; what JSON has no form for becomes its repr."""
    try:
        return _json.encode(event).decode()
    except (TypeError, ValueError, OverflowError):  # keys that are no text, half a surrogate pair, huge numbers
        return json.dumps(event, default=repr, skipkeys=True)
