"""A collector for tests: takes OTLP over real HTTP, as protobuf, and keeps what it was sent."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


@dataclass(frozen=True, slots=True)
class Received:
    """One span as it arrived; ids are hex digits, `parent` is empty for the first of a trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: Mapping[str, str]
    links: tuple[str, ...]
    state: str
    failed: bool
    nanoseconds: int


class Collector:
    """`url` is what `telemetry.endpoint` is set to. While `hangs` is set it answers nobody."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.headers: list[Mapping[str, str]] = []
        self.hangs = threading.Event()
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self._metrics: dict[tuple[str, str], Any] = {}

    def spans(self, trace: str | None = None) -> list[Received]:
        """All spans, or those of one trace."""
        with self._lock:
            return [span for span in self._spans if trace in (None, span.trace)]

    def metric(self, service: str, name: str) -> Any:
        """The last state of a metric as protobuf, None when it was never sent."""
        with self._lock:
            return self._metrics.get((service, name))

    def take(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep one request."""
        with self._lock:
            self.headers.append(headers)
            if path == "/v1/traces":
                self._spans += _spans_of(ExportTraceServiceRequest.FromString(body))
            elif path == "/v1/metrics":
                self._metrics.update(_metrics_of(ExportMetricsServiceRequest.FromString(body)))


def _spans_of(request: Any) -> Iterable[Received]:
    for resource in request.resource_spans:
        service = _plain(resource.resource.attributes)["service.name"]
        for span in [span for scope in resource.scope_spans for span in scope.spans]:
            yield Received(
                service=service,
                name=span.name,
                kind=_KINDS[int(span.kind)],
                trace=span.trace_id.hex(),
                id=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                attributes=_plain(span.attributes),
                links=tuple(link.span_id.hex() for link in span.links),
                state=span.trace_state,
                failed=span.status.code == 2,
                nanoseconds=span.end_time_unix_nano - span.start_time_unix_nano,
            )


def _metrics_of(request: Any) -> Iterable[tuple[tuple[str, str], Any]]:
    for resource in request.resource_metrics:
        service = _plain(resource.resource.attributes)["service.name"]
        for metric in [metric for scope in resource.scope_metrics for metric in scope.metrics]:
            yield (service, metric.name), metric


def _plain(attributes: Any) -> dict[str, str]:
    return {each.key: str(getattr(each.value, each.value.WhichOneof("value"))) for each in attributes}


@contextmanager
def running_collector(port: int = 0) -> Generator[Collector, None, None]:
    """A collector that listens for the length of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            while collector.hangs.is_set():
                time.sleep(0.05)
            collector.take(self.path, body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    collector = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
