"""Spans on their way to the collector: a bounded queue and a thread of its own, so that nobody waits for it.

The SDK's own processor drops without a count that anybody can scrape, and ends when its exporter's patience does.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import structlog
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = structlog.get_logger(__name__)

Dropped = Callable[[int], None]

_REFUSED_SECONDS = 0.2


class Dispatch(SpanProcessor):
    """Sends ended spans in batches of up to `batch`, every `delay` seconds or as soon as one is full.

    `room` spans may wait; what comes beyond, and what the collector does not take, is dropped and counted.
    """

    def __init__(
        self, exporter: SpanExporter, dropped: Dropped, *, room: int = 2048, batch: int = 512, delay: float = 1.0
    ) -> None:
        self._exporter = exporter
        self._dropped = dropped
        self._room = room
        self._batch = batch
        self._delay = delay
        self.waiting: deque[ReadableSpan] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._answers = True
        self._thread = threading.Thread(target=self._run, name="telemetry-spans", daemon=True)
        self._thread.start()

    def on_end(self, span: ReadableSpan) -> None:
        """Called by the SDK where the span ends: takes microseconds, whatever the collector does."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if len(self.waiting) >= self._room or self._stopping:
            self._dropped(1)
            return
        self.waiting.append(span)
        if len(self.waiting) >= self._batch and not self._wake.is_set():
            self._wake.set()

    def stop(self, within: float) -> None:
        """Send what waits for so many seconds, then leave it."""
        self._stopping = True
        self._wake.set()
        self._thread.join(within)
        self._exporter.shutdown()  # ends the exporter's pause between two tries, and refuses what is left
        self._thread.join(_REFUSED_SECONDS)
        if self._thread.is_alive() and self.waiting:
            self._dropped(len(self.waiting))

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self._delay)
            self._wake.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while self.waiting:
            count = min(len(self.waiting), self._batch)
            self._send([self.waiting.popleft() for _ in range(count)])

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        try:
            answers = self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception as error:  # a thread that ends would drop everything from then on
            log.error("telemetry.export-failed", error=type(error).__name__, exc_info=error)
            answers = False
        if not answers:
            self._dropped(len(spans))
        if answers is not self._answers:
            self._answers = answers
            (log.info if answers else log.warning)("telemetry.collector", answers=answers)
