"""What telemetry counts of itself."""

from __future__ import annotations

from prometheus_client import Counter

SPANS_DROPPED = Counter(
    "promenade_spans_dropped", "Spans that were not sent: the queue was full, or the collector did not take them."
)
