"""`promenade events lag`: how far everybody is, and what is stuck."""

import time

import msgspec
from promenade_chassis.events.operator.lag import consumer_backlog, gaps_in_front, outbox_lag, stream_lag
from promenade_chassis.events.operator.records import Backlog, Gap, OutboxLag, StreamLag
from promenade_chassis.events.operator.wording import one_line, span
from promenade_kernel.events.envelope import stream_of

from promenade_local.backbone import Backbone
from promenade_local.event_console import say, state_text, table

GAP_SECONDS = 10.0
_UNKNOWN = "?"


class Lag(msgspec.Struct):
    """What `promenade events lag --json` prints. `away` has a reason by name."""

    outboxes: list[OutboxLag]
    streams: list[StreamLag]
    consumers: list[Backlog]
    gaps: list[Gap]
    away: dict[str, str]


async def look(backbone: Backbone, context: str) -> Lag:
    """Ask everybody; with a context its outbox, its stream and its part as a consumer."""
    outboxes = await backbone.ask(outbox_lag, only=context)
    consumers = await backbone.ask(consumer_backlog, only=context)
    streams = await _streams(backbone)
    gaps = await _gaps(backbone, streams, context)
    if context:
        streams = [_only(stream, context) for stream in streams]
    return Lag(
        outboxes=list(outboxes.values()),
        streams=[stream for stream in streams if stream.groups or not context],
        consumers=list(consumers.values()),
        gaps=gaps,
        away=backbone.away,
    )


async def _streams(backbone: Backbone) -> list[StreamLag]:
    found = [
        await backbone.ask_redis(lambda link, producer=producer: stream_lag(link, producer))
        for producer in backbone.contexts
    ]
    return [stream for stream in found if stream is not None]


def _only(stream: StreamLag, context: str) -> StreamLag:
    if stream.stream == stream_of(context):
        return stream
    return msgspec.structs.replace(stream, groups=[group for group in stream.groups if group.group == context])


async def _gaps(backbone: Backbone, streams: list[StreamLag], context: str) -> list[Gap]:
    """Whoever holds an entry for long may miss one before it."""
    link = backbone.link
    if link is None:
        return []
    found: list[Gap] = []
    for stream in streams:
        producer = stream.stream.removeprefix(stream_of(""))
        for group in stream.groups:
            held = group.oldest_seconds >= GAP_SECONDS and group.group in backbone.contexts
            if not held or (context and group.group != context):
                continue
            answers = await backbone.ask(
                lambda connection, consumer, producer=producer: gaps_in_front(
                    connection, link, producer, consumer, older_than=GAP_SECONDS
                ),
                only=group.group,
            )
            found += [gap for gaps in answers.values() for gap in gaps]
    return found


def show_lag(lag: Lag) -> None:
    """For people."""
    _show_outboxes(lag)
    _show_streams(lag)
    _show_consumers(lag)
    _show_waiting(lag)
    for gap in lag.gaps:
        say(
            ("gap  ", "bold red"),
            f"{gap.context} has held number {gap.waiting} of {gap.source} subject {gap.subject}"
            f" for {span(gap.seconds)}: number {gap.missing} has not come",
        )


def _show_outboxes(lag: Lag) -> None:
    rows = [[each.context, str(each.depth), _age(each.oldest_seconds, each.depth)] for each in lag.outboxes]
    table(["outbox", "unpublished", "oldest"], rows, right=["unpublished", "oldest"])


def _show_streams(lag: Lag) -> None:
    rows = [
        [
            stream.stream,
            str(stream.length),
            group.group,
            _UNKNOWN if group.lag is None else str(group.lag),
            str(group.pending),
            _age(group.oldest_seconds, group.pending),
            str(group.consumers),
        ]
        for stream in lag.streams
        for group in stream.groups
    ]
    say("")
    if not rows:
        say(("no streams: nothing was published, or the contexts share one process and a memory bus", "dim"))
        return
    headings = ["stream", "length", "group", "lag", "pending", "oldest", "consumers"]
    table(headings, rows, right=["length", "lag", "pending", "oldest", "consumers"])


def _show_consumers(lag: Lag) -> None:
    rows = [
        [each.context, str(each.waiting_count), str(each.stuck_count), str(each.replays_count), str(each.dead_open)]
        for each in lag.consumers
    ]
    headings = ["consumer", "waiting", "stuck over 1 h", "replays under way", "dead letters open"]
    say("")
    table(headings, rows, right=headings[1:])


def _show_waiting(lag: Lag) -> None:
    rows = [
        [
            each.reaction,
            state_text(each.state),
            str(each.event_id),
            str(each.attempts),
            span(time.time() - each.at.timestamp()),
            one_line(each.error),
        ]
        for consumer in lag.consumers
        for each in consumer.waiting
    ]
    if rows:
        say("")
        table(["reaction", "state", "event", "attempts", "for", "last error"], rows, right=["attempts", "for"])


def _age(seconds: float, count: int) -> str:
    return span(seconds) if count else "-"
