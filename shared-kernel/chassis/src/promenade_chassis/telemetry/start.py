"""Turning telemetry on: the one place that decides whether the SDK is imported at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from promenade_chassis.config import TelemetrySettings

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Telemetry(Protocol):
    """What runs, or nothing."""

    def stop(self) -> None:
        """Send what waits, within `telemetry.shutdown_seconds`."""
        ...


class Off:
    """Nothing runs."""

    def stop(self) -> None:
        """See `Telemetry.stop`."""


def is_configured(settings: TelemetrySettings, environ: Mapping[str, str]) -> bool:
    """Whether there is a collector to send to, by our configuration or by the standard's variables."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return bool(settings.endpoint) or any(environ.get(name) for name in _ENDPOINTS)


def start_telemetry(
    settings: TelemetrySettings, contexts: Sequence[str], environ: Mapping[str, str] = os.environ
) -> Telemetry:
    """Trace these contexts of this process, if a collector is configured; before anything of theirs is made.

    Everything of a context is traced under its name, also where several share the process.
    """
    if not is_configured(settings, environ):
        return Off()
    # By name, and only here: the SDK takes a quarter of a second, which a process without it must not pay.
    running: Any = import_module("promenade_chassis.telemetry.running")
    return cast("Telemetry", running.start(settings, contexts, environ))
