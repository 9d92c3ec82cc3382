"""Spans through OpenTelemetry's SDK, sent to a collector over OTLP (HTTP, protobuf). Imported only when configured."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import Tracer as OtelTracer

from promenade_chassis.telemetry.spans import NO_ATTRIBUTES, Attributes, Kind
from promenade_chassis.telemetry.trace_context import span_id_of, trace_id_of

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}


class OtlpSpan:
    """See `Span`."""

    __slots__ = ("_span", "_tracer", "traceparent")

    def __init__(self, tracer: OtelTracer, span: OtelSpan) -> None:
        self._tracer = tracer
        self._span = span
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"

    def child(self, name: str, kind: Kind = "internal", attributes: Attributes = NO_ATTRIBUTES) -> OtlpSpan:
        """See `Span.child`."""
        inside = set_span_in_context(self._span, Context())
        return OtlpSpan(self._tracer, self._tracer.start_span(name, inside, _KINDS[kind], attributes))

    def rename(self, name: str) -> None:
        """See `Span.rename`."""
        self._span.update_name(name)

    def describe(self, attributes: Attributes) -> None:
        """See `Span.describe`."""
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        """See `Span.fail`."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """See `Span.end`."""
        self._span.end()


class OtlpTracer:
    """See `Tracer`."""

    def __init__(self, tracer: OtelTracer) -> None:
        self._tracer = tracer

    def begin(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        state: str | None = None,
        links: Sequence[str] = (),
        since: int | None = None,
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> OtlpSpan:
        """See `Tracer.begin`."""
        under = (
            Context() if parent is None else set_span_in_context(NonRecordingSpan(_remote(parent, state)), Context())
        )
        linked = [Link(_remote(each, None)) for each in links]
        return OtlpSpan(self._tracer, self._tracer.start_span(name, under, _KINDS[kind], attributes, linked, since))


def tracer_provider(resource: Resource, processor: SpanProcessor, ratio: float | None) -> TracerProvider:
    """A provider for one context. `ratio` of the traces that begin here are recorded; None: what OTEL_* says.

    Of a trace that came in with a decision, the decision counts.
    """
    sampler: Sampler | None = None if ratio is None else ParentBased(TraceIdRatioBased(ratio))
    provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def _remote(traceparent: str, state: str | None) -> SpanContext:
    return SpanContext(
        trace_id=int(trace_id_of(traceparent), 16),
        span_id=int(span_id_of(traceparent), 16),
        is_remote=True,
        trace_flags=TraceFlags(int(traceparent[53:55], 16)),
        trace_state=TraceState.from_header([state]) if state else None,
    )
