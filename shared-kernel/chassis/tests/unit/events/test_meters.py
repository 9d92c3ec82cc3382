"""The counters of the ledger."""

from promenade_chassis.events.meters import EventMeters, loop_failures
from prometheus_client import CollectorRegistry


def test_a_batch_counts_its_events_and_observes_once() -> None:
    """Five hundred events handled in half a second are five hundred, at a millisecond each."""
    registry = CollectorRegistry()
    meters = EventMeters("billing", registry)

    meters.handled("billing.on_order_placed", 500, 0.5)

    labels = {"context": "billing", "reaction": "billing.on_order_placed"}
    assert registry.get_sample_value("promenade_events_handled_total", labels) == 500
    assert registry.get_sample_value("promenade_event_handling_seconds_count", labels) == 1
    assert registry.get_sample_value("promenade_event_handling_seconds_bucket", {**labels, "le": "0.001"}) == 1


def test_failures_duplicates_and_dead_letters_are_counted_apart() -> None:
    """What failed, what came twice and what was given up each have a counter."""
    registry = CollectorRegistry()
    meters = EventMeters("billing", registry)

    meters.failed("billing.on_order_placed")
    meters.failed("billing.on_order_placed")
    meters.dead("billing.on_order_placed")
    meters.duplicates(7)

    labels = {"context": "billing", "reaction": "billing.on_order_placed"}
    assert registry.get_sample_value("promenade_events_failed_total", labels) == 2
    assert registry.get_sample_value("promenade_events_dead_total", labels) == 1
    assert registry.get_sample_value("promenade_events_duplicate_total", {"context": "billing"}) == 7


def test_contexts_of_one_process_share_the_metrics_and_differ_by_label() -> None:
    """Two contexts, and the same one twice, count side by side in one registry."""
    registry = CollectorRegistry()
    for context in ("billing", "identity", "billing"):
        EventMeters(context, registry).duplicates(1)

    assert registry.get_sample_value("promenade_events_duplicate_total", {"context": "billing"}) == 2
    assert registry.get_sample_value("promenade_events_duplicate_total", {"context": "identity"}) == 1


def test_a_loop_is_counted_from_before_its_first_failure() -> None:
    """An alert compares with what was there: nothing is no number, zero is."""
    registry = CollectorRegistry()
    labels = {"context": "billing", "loop": "relay"}

    failures = loop_failures("billing", "relay", registry)

    assert registry.get_sample_value("promenade_loop_failures_total", labels) == 0
    failures.inc()
    assert registry.get_sample_value("promenade_loop_failures_total", labels) == 1
