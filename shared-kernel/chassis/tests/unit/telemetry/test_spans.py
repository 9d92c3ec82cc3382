"""Spans as the chassis uses them, through the real SDK."""

import time
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from promenade_chassis.telemetry.otlp import OtlpTracer
from promenade_chassis.telemetry.spans import current_span, inside, occasion, piece, span_of_effect, tracer_of
from promenade_chassis.telemetry.trace_context import span_id_of, trace_id_of

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_what_happens_inside_a_span_is_its_child(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """Through any number of calls, without being handed on."""
    with inside(tracer.begin("request", "server", parent=CALLER)), piece("transaction"), piece("statement", "client"):
        pass

    statement, transaction, request = recorded.get_finished_spans()
    assert (statement.name, transaction.name, request.name) == ("statement", "transaction", "request")
    assert _parent(statement) == transaction.context.span_id
    assert _parent(transaction) == request.context.span_id
    assert f"{_parent(request):016x}" == span_id_of(CALLER)
    assert {span.context.trace_id for span in (statement, transaction, request)} == {int(trace_id_of(CALLER), 16)}


def test_outside_of_spans_there_are_no_pieces(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """Work that nobody traces stays untraced while others are traced."""
    assert tracer is tracer_of("tea")

    with piece("statement", "client") as span:
        assert span is current_span() is None

    assert recorded.get_finished_spans() == ()


def test_an_exception_is_the_spans_failure_and_its_words_are_not(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """A message may quote somebody's data; the class is enough."""
    with pytest.raises(ValueError, match="ada@"), inside(tracer.begin("request", "server")):
        raise ValueError("ada@example.org")

    (span,) = recorded.get_finished_spans()
    assert (span.status.status_code, dict(span.attributes or {})) == (StatusCode.ERROR, {"error.type": "ValueError"})
    assert "ada@" not in span.to_json(), "three letters alone are part of one random id in eighty"
    assert current_span() is None


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_of_a_trace_that_came_in_the_callers_decision_counts(
    tracer_with: Any, recorded: InMemorySpanExporter, ratio: float
) -> None:
    """The sampled flag is respected, whatever share of our own traces is recorded."""
    tracer = tracer_with(ratio)

    tracer.begin("wanted", "server", parent=CALLER).end()
    unwanted = tracer.begin("unwanted", "server", parent=CALLER[:-2] + "00")
    unwanted.end()

    assert [span.name for span in recorded.get_finished_spans()] == ["wanted"]
    assert (trace_id_of(unwanted.traceparent), unwanted.traceparent[-2:]) == (trace_id_of(CALLER), "00")


def test_a_share_of_new_traces_is_recorded(tracer_with: Any, recorded: InMemorySpanExporter) -> None:
    """And what is not recorded tells those it calls so."""
    tracer = tracer_with(0.5)

    made = [tracer.begin("request", "server") for _ in range(400)]
    for span in made:
        span.end()

    sampled = sum(span.traceparent.endswith("01") for span in made)
    assert 100 < sampled < 300
    assert len(recorded.get_finished_spans()) == sampled


def test_the_callers_state_stays_with_the_trace(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """What other vendors put there is theirs."""
    tracer.begin("request", "server", parent=CALLER, state="rojo=1,congo=2").end()

    (span,) = recorded.get_finished_spans()
    assert span.context.trace_state.to_header() == "rojo=1,congo=2"


def test_idle_work_leaves_no_span(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """Jobs look several times a second; its statements leave none either."""
    with occasion(tracer, "job mails"), piece("statement", "client"):
        pass

    assert recorded.get_finished_spans() == ()


def test_work_that_has_an_effect_has_a_span_from_its_beginning(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """What comes after the effect is its child; what comes after the work is not."""
    before = time.time_ns()

    with occasion(tracer, "job mails"):
        began = time.time_ns()
        found = span_of_effect()
        with piece("statement", "client"):
            pass
    after = span_of_effect()

    statement, job = recorded.get_finished_spans()
    assert found is not None
    assert after is current_span() is None
    assert (job.name, _parent(statement)) == ("job mails", job.context.span_id)
    assert before <= (job.start_time or 0) <= began


def test_work_that_fails_has_a_span(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """Also when it had done nothing yet."""
    with pytest.raises(RuntimeError), occasion(tracer, "job mails"):
        raise RuntimeError

    (job,) = recorded.get_finished_spans()
    assert (job.status.status_code, (job.attributes or {})["error.type"]) == (StatusCode.ERROR, "RuntimeError")


def _parent(span: Any) -> int:
    return span.parent.span_id
