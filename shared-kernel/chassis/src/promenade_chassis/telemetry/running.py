"""Telemetry that is on: exporters, queues and tracers of one process. Imported only when configured."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from prometheus_client import REGISTRY

from promenade_chassis.config import TelemetrySettings
from promenade_chassis.telemetry.dispatch import Dispatch
from promenade_chassis.telemetry.meters import SPANS_DROPPED
from promenade_chassis.telemetry.metrics_export import MetricsExport
from promenade_chassis.telemetry.otlp import OtlpTracer, tracer_provider
from promenade_chassis.telemetry.spans import forget_tracers, use_tracer

# A try that takes longer is given up; the queue fills meanwhile.
_EXPORT_SECONDS = 5.0
_INSTANCE = str(uuid4())


class Running:
    """See `Telemetry`."""

    def __init__(self, dispatch: Dispatch, metrics: MetricsExport | None, within: float) -> None:
        self._dispatch = dispatch
        self._metrics = metrics
        self._within = within

    def stop(self) -> None:
        """See `Telemetry.stop`."""
        until = time.monotonic() + self._within
        forget_tracers()
        self._dispatch.stop(self._within)
        if self._metrics is not None:
            self._metrics.stop(max(0.0, until - time.monotonic()))


def start(settings: TelemetrySettings, contexts: Sequence[str], environ: Mapping[str, str]) -> Running:
    """Start to send; `start_telemetry` has seen that there is somebody to send to."""
    # The exporter's own lines come with every try; whether the collector answers is said once, by `Dispatch`.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    dispatch = Dispatch(_span_exporter(settings, environ), SPANS_DROPPED.inc, room=settings.queue)
    for context in contexts:
        resource = _resource(settings.service or environ.get("OTEL_SERVICE_NAME") or context, context)
        ratio = _ratio(settings, environ)
        provider = tracer_provider(resource, dispatch, ratio)
        use_tracer(context, OtlpTracer(provider.get_tracer("promenade")))
    return Running(dispatch, _metrics(settings, contexts, environ), settings.shutdown_seconds)


def _span_exporter(settings: TelemetrySettings, environ: Mapping[str, str]) -> OTLPSpanExporter:
    if not settings.endpoint:
        return OTLPSpanExporter(timeout=_timeout(environ))
    endpoint = f"{settings.endpoint.rstrip('/')}/v1/traces"
    return OTLPSpanExporter(endpoint, headers=_headers(settings), timeout=_timeout(environ))


def _metrics(settings: TelemetrySettings, contexts: Sequence[str], environ: Mapping[str, str]) -> MetricsExport | None:
    """One for the process: contexts that share it share its metrics, which carry their names."""
    if not settings.metrics_seconds or environ.get("OTEL_METRICS_EXPORTER") == "none":
        return None
    timeout = _timeout(environ)
    exporter = (
        OTLPMetricExporter(f"{settings.endpoint.rstrip('/')}/v1/metrics", headers=_headers(settings), timeout=timeout)
        if settings.endpoint
        else OTLPMetricExporter(timeout=timeout)
    )
    name = contexts[0] if len(contexts) == 1 else "suite"
    resource = _resource(settings.service or environ.get("OTEL_SERVICE_NAME") or name, contexts[0])
    return MetricsExport(exporter, REGISTRY, resource, every=settings.metrics_seconds)


def _resource(service: str, context: str) -> Resource:
    """Beside what OTEL_RESOURCE_ATTRIBUTES adds."""
    # Replicas differ by the instance: their metrics would overwrite each other otherwise.
    named = {"service.name": service, "service.namespace": "promenade", "service.instance.id": _INSTANCE}
    try:
        return Resource.create({**named, "service.version": version(f"promenade-{context}")})
    except PackageNotFoundError:
        return Resource.create(named)


def _headers(settings: TelemetrySettings) -> dict[str, str] | None:
    """None leaves them to OTEL_EXPORTER_OTLP_HEADERS."""
    pairs = [pair.partition("=") for pair in settings.headers.split(",") if "=" in pair]
    return {key.strip(): value.strip() for key, _, value in pairs} or None


def _ratio(settings: TelemetrySettings, environ: Mapping[str, str]) -> float | None:
    """All traces, unless somebody says otherwise; None leaves it to OTEL_TRACES_SAMPLER."""
    if settings.sampling is None and "OTEL_TRACES_SAMPLER" in environ:
        return None
    return 1.0 if settings.sampling is None else settings.sampling


def _timeout(environ: Mapping[str, str]) -> float | None:
    """None leaves it to OTEL_EXPORTER_OTLP_TIMEOUT."""
    return None if "OTEL_EXPORTER_OTLP_TIMEOUT" in environ else _EXPORT_SECONDS
