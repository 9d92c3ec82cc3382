"""Structured logs: one JSON line an event, or text for people; secrets never enter."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from promenade_chassis.config import LogSettings
from promenade_chassis.error_words import trace_of
from promenade_chassis.events.reacting import name_delivery

_SECRET_KEYS = ("password", "token", "secret", "code", "authorization", "cookie")
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
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


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
    return _json.encode(event).decode()
