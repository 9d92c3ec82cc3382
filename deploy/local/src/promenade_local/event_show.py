"""`promenade events show ID`: the event, and what every consumer did with it."""

from uuid import UUID

import msgspec
from promenade_chassis.events.operator.lag import stream_lag
from promenade_chassis.events.operator.lookup import events_by_id, place_of_subject, reactions_to
from promenade_chassis.events.operator.records import ReactionTo, RecordedEvent, SubjectPlace
from promenade_chassis.events.operator.wording import clock, one_line, span
from promenade_kernel.events.envelope import Envelope
from rich.text import Text

from promenade_local.backbone import Backbone
from promenade_local.errors import StackError
from promenade_local.event_console import say, state_text, table


class Consumer(msgspec.Struct):
    """What one context did. `listens` is null when Redis could not be asked."""

    context: str
    listens: bool | None
    place: SubjectPlace | None
    reactions: list[ReactionTo]


class Shown(msgspec.Struct):
    """What `promenade events show --json` prints. No event: its outbox row is gone, or its producer is away."""

    events: list[RecordedEvent]
    consumers: list[Consumer]
    away: dict[str, str]


async def find(backbone: Backbone, event_id: UUID) -> Shown:
    """Ask every context. StackError when nobody has heard of it."""
    found = await backbone.ask(lambda connection, context: events_by_id(connection, context, event_id))
    events = [event for each in found.values() for event in each]
    reactions = await backbone.ask(lambda connection, context: reactions_to(connection, context, [event_id]))
    if not events and not any(reactions.values()):
        raise StackError("\n".join([f"nobody has an event {event_id}", *backbone.troubles]))
    listeners = await _listeners(backbone, events[0].context) if events else None
    places = await _places(backbone, events[0].envelope) if events else {}
    consumers = [
        Consumer(
            context=context,
            listens=None if listeners is None else context in listeners,
            place=places.get(context),
            reactions=reactions[context],
        )
        for context in reactions
    ]
    return Shown(events=events, consumers=consumers, away=backbone.away)


async def _listeners(backbone: Backbone, producer: str) -> set[str] | None:
    stream = await backbone.ask_redis(lambda link: stream_lag(link, producer))
    return None if stream is None else {group.group for group in stream.groups}


async def _places(backbone: Backbone, envelope: Envelope) -> dict[str, SubjectPlace]:
    return await backbone.ask(
        lambda connection, context: place_of_subject(connection, context, envelope.source, envelope.subject)
    )


def show_event(shown: Shown) -> None:
    """For people."""
    for event in shown.events:
        _show_envelope(event)
        say("")
    if not shown.events:
        say(("its outbox row is gone or out of reach; what consumers remember of it:", "dim"))
    envelope = shown.events[0] if shown.events else None
    rows = [row for consumer in shown.consumers for row in _rows(consumer, envelope)]
    table(["consumer", "reaction", "state", ""], rows)


def _show_envelope(event: RecordedEvent) -> None:
    envelope = event.envelope
    published = "not yet" if event.published_at is None else f"{clock(event.published_at)}  {event.stream_id or ''}"
    lines = {
        "event": str(envelope.id),
        "subject": f"{envelope.subject}  number {envelope.sequence} of {envelope.source}",
        "time": clock(envelope.time),
        "process": envelope.correlationid,
        "caused by": envelope.causationid,
        "actor": envelope.actor or "-",
        "trace": envelope.traceparent or "-",
        "recorded": f"{clock(event.recorded_at)}  outbox of {event.context}, row {event.seq}",
        "published": published.rstrip(),
    }
    say((envelope.type, "bold"))
    for name, text in lines.items():
        say((f"  {name:<10}", "dim"), one_line(text, 200))
    for line in msgspec.json.format(bytes(envelope.data), indent=2).decode().splitlines():
        say("  ", line)


def _rows(consumer: Consumer, event: RecordedEvent | None) -> list[list[str | Text]]:
    if not consumer.reactions:
        return [[consumer.context, "-", *_without_reaction(consumer, event)]]
    return [
        [
            consumer.context,
            each.reaction.partition(".")[2] or each.reaction,
            state_text(each.state),
            _detail(each, event),
        ]
        for each in consumer.reactions
    ]


def _detail(reaction: ReactionTo, event: RecordedEvent | None) -> str:
    parts = [clock(reaction.at)]
    if reaction.state == "handled" and event is not None:
        parts.append(f"{span((reaction.at - event.recorded_at).total_seconds())} after it was recorded")
    if reaction.attempts:
        parts.append(f"{reaction.attempts} attempt{'s' if reaction.attempts > 1 else ''}")
    if reaction.next_at is not None:
        parts.append(f"next {clock(reaction.next_at)}")
    if reaction.dead_letter is not None:
        parts.append(f"dead letter {reaction.dead_letter}")
    if reaction.error:
        parts.append(one_line(reaction.error))
    return "  ".join(parts)


def _without_reaction(consumer: Consumer, event: RecordedEvent | None) -> tuple[str | Text, str]:
    if event is None:
        return "unknown", ""
    settled = consumer.place.settled if consumer.place is not None else None
    if settled is not None and settled >= event.envelope.sequence:
        return Text("nobody reacts", style="dim"), f"its subject is at number {settled}"
    if consumer.listens is False and settled is None:
        return Text("does not listen", style="dim"), ""
    if settled is None and consumer.listens is None:
        return Text("not arrived", style="dim"), "or does not listen: it has never met this subject"
    stands = "never met" if settled is None else f"at number {settled}"
    return Text("not arrived", style="yellow"), f"its subject is {stands}, this is number {event.envelope.sequence}"
