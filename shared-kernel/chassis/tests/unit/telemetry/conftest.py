from collections.abc import Callable, Generator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from promenade_chassis.telemetry.otlp import OtlpTracer, tracer_provider
from promenade_chassis.telemetry.spans import forget_tracers, use_tracer

MakeTracer = Callable[[float | None], OtlpTracer]


@pytest.fixture
def recorded() -> InMemorySpanExporter:
    """What was recorded: `recorded.get_finished_spans()`."""
    return InMemorySpanExporter()


@pytest.fixture
def tracer_with(recorded: InMemorySpanExporter) -> MakeTracer:
    """A tracer that records this share of what begins here."""

    def make(ratio: float | None) -> OtlpTracer:
        provider = tracer_provider(Resource.create({}), SimpleSpanProcessor(recorded), ratio)
        return OtlpTracer(provider.get_tracer("test"))

    return make


@pytest.fixture
def tracer(tracer_with: MakeTracer) -> Generator[OtlpTracer, None, None]:
    """The tracer of the context `tea`, that records everything."""
    made = tracer_with(1.0)
    use_tracer("tea", made)
    yield made
    forget_tracers()
