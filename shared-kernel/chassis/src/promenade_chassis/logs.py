"""Structured logs: one JSON line an event, or text for people; secrets never enter."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from promenade_chassis.access_log import write_requests_to
from promenade_chassis.config import LogSettings
from promenade_chassis.error_words import trace_of
from promenade_chassis.events.reacting import name_delivery
from promenade_chassis.ports import traceparent_in_hand
from promenade_chassis.telemetry.spans import current_span
from promenade_chassis.telemetry.trace_context import span_id_of, trace_id_of, traceparent_from

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
        name_trace,
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
    write_requests_to(None if pretty else sys.stderr, service=service, wanted=level <= logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def name_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For structlog: the trace of the work at hand, and the span where it is recorded."""
    span = current_span()
    traceparent = traceparent_in_hand() if span is None else span.traceparent
    # What an event brought is only as well-formed as whoever published it was careful.
    if traceparent is not None and traceparent_from(traceparent.encode()) is not None:
        event.setdefault("trace_id", trace_id_of(traceparent))
        if span is not None:
            event.setdefault("span_id", span_id_of(traceparent))
    return event


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


@lru_cache(4096)  # lines have the same keys again and again
def _is_secret(key: str) -> bool:
    return any(secret in key.lower() for secret in _SECRET_KEYS)


def _to_json(event: Any, **_: Any) -> str:
    """A tenth of what the standard library takes for a line; what JSON has no form for becomes its repr."""
    try:
        return _json.encode(event).decode()
    except (TypeError, ValueError, OverflowError):  # keys that are no text, half a surrogate pair, huge numbers
        return json.dumps(event, default=repr, skipkeys=True)
