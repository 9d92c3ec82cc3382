"""Spans of events: one trace from what recorded an event to whatever reacted to it."""

from typing import Any

from msgspec import structs
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from promenade_chassis.events.bus import Deliveries, Subscription
from promenade_chassis.events.reacting import react
from promenade_chassis.ports import current_cause, use_cause
from promenade_chassis.telemetry.messages import traced_records
from promenade_chassis.telemetry.otlp import OtlpTracer
from promenade_chassis.telemetry.spans import inside
from promenade_chassis.telemetry.trace_context import span_id_of, trace_id_of
from promenade_chassis.testing.events import sealed
from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.events.identity import UserActivated
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id

ONE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def fact(traceparent: str | None = ONE) -> Envelope:
    user = new_id()
    return sealed(
        UserActivated(user_id=user, email=Email("ada@example.org")),
        subject=user,
        cause=Cause("process", "cause", traceparent),
    )


async def on_user_activated(event: UserActivated, envelope: Envelope) -> None:
    """Records something itself."""
    del event, envelope
    seen.append(current_cause())


seen: list[Cause] = []
REACTION = Subscription("tea.on_user_activated", UserActivated, on_user_activated)


async def test_a_reaction_is_a_child_of_its_event_and_the_cause_of_what_it_records(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """Two events of a transaction have a span each, in their own traces."""
    seen.clear()
    events = [fact(ONE), fact(OTHER)]

    await react(REACTION, events)

    spans = recorded.get_finished_spans()
    assert [span.name for span in spans] == ["tea.on_user_activated"] * 2
    assert [_parent(span) for span in spans] == [span_id_of(ONE), span_id_of(OTHER)]
    assert [cause.traceparent for cause in seen] == [_traceparent(span) for span in spans]
    assert [cause.causation_id for cause in seen] == [str(event.id) for event in events]


async def test_a_reaction_to_several_at_once_is_linked_to_each(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """Of events of one trace it is a part of that; of several traces it is one of its own."""

    async def on_users_activated(batch: Deliveries[UserActivated]) -> None:
        del batch

    reaction = Subscription("tea.on_users_activated", UserActivated, on_users_activated, batch=True)

    await react(reaction, [fact(ONE), fact(OTHER)])
    await react(reaction, [fact(ONE), fact(ONE)])

    apart, together = recorded.get_finished_spans()
    assert apart.parent is None
    assert [f"{link.context.trace_id:032x}" for link in apart.links] == [trace_id_of(ONE), trace_id_of(OTHER)]
    assert _parent(together) == span_id_of(ONE)
    assert len(together.links) == 2


async def test_an_event_whose_traceparent_is_none_begins_a_trace(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """Whatever a producer wrote there."""
    await react(REACTION, [fact("nonsense"), fact(None)])

    assert [span.parent for span in recorded.get_finished_spans()] == [None, None]


def test_a_record_is_the_parent_of_what_reacts_to_it(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """It is a child of the work that recorded it."""
    with inside(tracer.begin("request", "server")) as request:
        (envelope,) = traced_records([structs.replace(fact(), traceparent=request.traceparent)])

    record, _ = recorded.get_finished_spans()
    assert (record.name, _parent(record)) == ("record user.activated.v1", span_id_of(request.traceparent))
    assert envelope.traceparent == _traceparent(record)


def test_what_one_of_a_batch_caused_stays_in_its_trace(tracer: OtlpTracer, recorded: InMemorySpanExporter) -> None:
    """The span that is shared by the batch belongs to another."""
    with inside(tracer.begin("tea.on_users_activated", "consumer")), use_cause(fact(OTHER)):
        (envelope,) = traced_records([fact(OTHER)])

    assert envelope.traceparent == OTHER
    assert len(recorded.get_finished_spans()) == 1


async def test_contexts_that_are_not_traced_react_all_the_same(
    tracer: OtlpTracer, recorded: InMemorySpanExporter
) -> None:
    """While another one of the same process is."""
    seen.clear()

    await react(Subscription("milk.on_user_activated", UserActivated, on_user_activated), [fact(ONE)])

    assert [cause.traceparent for cause in seen] == [ONE]
    assert recorded.get_finished_spans() == ()


def _parent(span: Any) -> str:
    return f"{span.parent.span_id:016x}"


def _traceparent(span: Any) -> str:
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
