"""Spans of events: where one is recorded, and where a context reacts to it. Called only while tracing is on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from msgspec import structs
from promenade_kernel.events.envelope import Envelope

from promenade_chassis.telemetry.spans import Attributes, Span, inside, span_of_effect, tracer_of
from promenade_chassis.telemetry.trace_context import trace_id_of, traceparent_from

_MOST_LINKS = 128  # as many as the SDK keeps


def traced_records(envelopes: Sequence[Envelope]) -> list[Envelope]:
    """The same events, each the child of what recorded it and the parent of whatever reacts to it."""
    return [_traced_record(envelope) for envelope in envelopes]


def traced_reaction(reaction: str, envelopes: Sequence[Envelope]) -> AbstractContextManager[Span | None]:
    """The span of one reaction (`<context>.<function>`): a child of its event; of several, linked to each."""
    tracer = tracer_of(reaction.partition(".")[0])
    if tracer is None:
        return nullcontext()
    parents = [parent for parent in map(_traceparent_of, envelopes) if parent is not None]
    of_one_trace = len({trace_id_of(parent) for parent in parents}) == 1
    span = tracer.begin(
        reaction,
        "consumer",
        parent=parents[0] if of_one_trace else None,
        links=parents[:_MOST_LINKS] if len(envelopes) > 1 else (),
        attributes=_about(envelopes),
    )
    return inside(span)


def _traced_record(envelope: Envelope) -> Envelope:
    span = span_of_effect()
    if span is None:
        return envelope
    if envelope.traceparent is not None and trace_id_of(envelope.traceparent) != trace_id_of(span.traceparent):
        return envelope  # one of a batch: it belongs to the trace of the event that caused it
    record = span.child(f"record {envelope.type}", "producer", _about([envelope]))
    record.end()
    return structs.replace(envelope, traceparent=record.traceparent)


def _traceparent_of(envelope: Envelope) -> str | None:
    return traceparent_from(envelope.traceparent.encode()) if envelope.traceparent is not None else None


def _about(envelopes: Sequence[Envelope]) -> Attributes:
    first = envelopes[0]
    about = {"messaging.system": "promenade", "messaging.destination.name": first.source.strip("/").replace("/", ".")}
    if len(envelopes) > 1:
        return {**about, "cloudevents.event_type": first.type, "messaging.batch.message_count": len(envelopes)}
    return {
        **about,
        "messaging.message.id": str(first.id),
        "messaging.message.conversation_id": first.correlationid,
        "cloudevents.event_type": first.type,
        "cloudevents.event_subject": str(first.subject),
    }
