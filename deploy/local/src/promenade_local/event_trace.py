"""`promenade events trace`: a process as a timeline across services."""

import msgspec
from promenade_chassis.events.operator.lookup import (
    events_of_processes,
    processes_mentioning,
    processes_of,
    reactions_to,
)
from promenade_chassis.events.operator.timeline import Process, Reacted, Step, processes
from promenade_chassis.events.operator.wording import clock, one_line, span

from promenade_local.backbone import Backbone
from promenade_local.errors import StackError
from promenade_local.event_console import STATE_STYLES, say

_AT = 10
_TYPE = 44


class Traced(msgspec.Struct):
    """What `promenade events trace --json` prints."""

    processes: list[Process]
    away: dict[str, str]


async def trace(backbone: Backbone, text: str) -> Traced:
    """The processes a text stands for. StackError when there is none."""
    correlations = await _correlations(backbone, text)
    if not correlations:
        raise StackError("\n".join([f"no event belongs to {text!r} or mentions it", *backbone.troubles]))
    found = await backbone.ask(lambda connection, context: events_of_processes(connection, context, correlations))
    events = [event for each in found.values() for event in each]
    ids = list({event.envelope.id for event in events})
    reactions = await backbone.ask(lambda connection, context: reactions_to(connection, context, ids))
    traced = processes(events, [reaction for each in reactions.values() for reaction in each])
    return Traced(processes=traced, away=backbone.away)


async def _correlations(backbone: Backbone, text: str) -> list[str]:
    for question in (processes_of, processes_mentioning):
        found = await backbone.ask(lambda connection, _, question=question: question(connection, text))
        distinct = {correlation for each in found.values() for correlation in each}
        if distinct:
            return sorted(distinct)
    return []


def show_trace(traced: Traced) -> None:
    """For people."""
    for number, process in enumerate(traced.processes):
        if number:
            say("")
        _show_process(process)


def _show_process(process: Process) -> None:
    count = len(process.steps)
    say(
        ("process ", "bold"),
        (process.correlation_id, "bold"),
        f"  {clock(process.began_at)}  {count} event{'s' if count != 1 else ''} in {span(process.seconds)}",
    )
    for step in process.steps:
        _show_step(step)


def _show_step(step: Step) -> None:
    envelope = step.event.envelope
    name = "  " * step.depth + envelope.type
    published = "" if step.event.published_at is not None else "  not published"
    say(
        f"{'+' + span(step.offset_seconds):>{_AT}}  ",
        (f"{name:<{_TYPE}}", "bold"),
        f"  {step.event.context:<20}  {envelope.subject} #{envelope.sequence}  ",
        (str(envelope.id), "dim"),
        (published, "yellow"),
    )
    for reacted in step.reactions:
        _show_reaction(reacted, step.depth)


def _show_reaction(reacted: Reacted, depth: int) -> None:
    reaction = reacted.reaction
    after = f"{span(reacted.after_seconds)} after"
    say(
        " " * (_AT + 2) + "  " * depth + "  → ",
        reaction.reaction,
        "  ",
        (after if reaction.state == "handled" else f"{reaction.state}, {after}", STATE_STYLES.get(reaction.state, "")),
        f"  {one_line(reaction.error)}" if reaction.error else "",
    )
