"""A collector that is away costs nobody anything but its spans, and these are counted."""

import threading
import time
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from promenade_chassis.telemetry.dispatch import Dispatch
from promenade_chassis.telemetry.otlp import OtlpTracer, tracer_provider
from promenade_chassis.testing.polling import eventually, stretched
from structlog.testing import capture_logs


class Slow(SpanExporter):
    """Takes spans as long as `open` is set; until then it hangs."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.taken: list[str] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.open.wait()
        self.taken += [span.name for span in spans]
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        pass


class Away(SpanExporter):
    """Refuses until it is back."""

    def __init__(self) -> None:
        self.back = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self.back else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        pass


class Dropped:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, spans: int) -> None:
        self.count += spans


def tracer_to(dispatch: Dispatch) -> OtlpTracer:
    return OtlpTracer(tracer_provider(Resource.create({}), dispatch, 1.0).get_tracer("test"))


def end_spans(tracer: OtlpTracer, count: int) -> None:
    for number in range(count):
        tracer.begin(str(number), "internal").end()


async def test_spans_arrive_in_order() -> None:
    """In batches, soon after they have ended."""
    exporter, dropped = Slow(), Dropped()
    exporter.open.set()
    dispatch = Dispatch(exporter, dropped, batch=7, delay=0.01)

    end_spans(tracer_to(dispatch), 100)

    await eventually(lambda: _same(exporter.taken, [str(number) for number in range(100)]))
    dispatch.stop(1)
    assert dropped.count == 0


async def test_a_full_queue_drops_and_counts_and_delays_nobody() -> None:
    """While the collector hangs, ending a span takes no longer than ever."""
    exporter, dropped = Slow(), Dropped()
    dispatch = Dispatch(exporter, dropped, room=50, batch=10, delay=60)  # only a full batch wakes it
    tracer = tracer_to(dispatch)
    end_spans(tracer, 10)
    await eventually(lambda: _same(len(dispatch.waiting), 0))  # these the exporter has in hand

    began = time.perf_counter()
    end_spans(tracer, 1000)
    took = time.perf_counter() - began

    assert dropped.count == 950
    assert took < stretched(10)  # who waited for the exporter would wait for ever
    exporter.open.set()
    dispatch.stop(5)
    assert (len(exporter.taken), dropped.count) == (60, 950)


async def test_what_the_collector_does_not_take_is_counted_and_said_once() -> None:
    """And said again when it is back."""
    exporter, dropped = Away(), Dropped()
    with capture_logs() as said:
        dispatch = Dispatch(exporter, dropped, batch=10, delay=0.01)
        tracer = tracer_to(dispatch)
        end_spans(tracer, 100)
        await eventually(lambda: _same(dropped.count, 100))
        exporter.back = True
        end_spans(tracer, 5)
        dispatch.stop(1)

    assert [line["answers"] for line in said if line["event"] == "telemetry.collector"] == [False, True]
    assert dropped.count == 100


@pytest.mark.parametrize("within", [0.0, 0.3])
def test_stopping_waits_no_longer_than_it_may(within: float) -> None:
    """What a collector that hangs has not taken by then is dropped."""
    dropped = Dropped()
    dispatch = Dispatch(Slow(), dropped, batch=10, delay=10)
    end_spans(tracer_to(dispatch), 25)

    began = time.monotonic()
    dispatch.stop(within)
    took = time.monotonic() - began

    assert within <= took < within + stretched(5)  # who waited for the collector would wait for ever
    assert dropped.count in (15, 25)  # the exporter has ten of them in hand, if its thread was quick enough


def test_stopping_sends_what_waits() -> None:
    """A process that ends leaves nothing behind when the collector is there."""
    exporter, dropped = Slow(), Dropped()
    exporter.open.set()
    dispatch = Dispatch(exporter, dropped, delay=10)
    end_spans(tracer_to(dispatch), 25)

    dispatch.stop(5)

    assert (len(exporter.taken), dropped.count) == (25, 0)


def _same(found: object, wanted: object) -> None:
    assert found == wanted
