"""`promenade events`: the event backbone, looked at and put right."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from promenade_chassis.events.operator.lookup import Wanted

from promenade_local import dead_commands
from promenade_local.backbone import open_backbone, run
from promenade_local.errors import StackError
from promenade_local.event_console import (
    Context,
    Json,
    Since,
    Type,
    Yes,
    confirm,
    moment,
    say,
    say_json,
    tell_troubles,
    uuid,
)
from promenade_local.event_lag import look, show_lag
from promenade_local.event_replay import Again, republish
from promenade_local.event_show import find, show_event
from promenade_local.event_tail import Tail
from promenade_local.event_trace import show_trace, trace

app = typer.Typer(
    help="Events of all services: watch them, follow a process, find what is stuck, put it right.\n\n"
    "Asks the stack on this home; without one, the engines that the profile in PROMENADE_PROFILE names. "
    "A service whose database is away is named, and the others are shown.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(dead_commands.app, name="dead")


@app.command("tail")
def tail_events(
    context: Context = "",
    type: Type = "",  # noqa: A002 - the option's name
    subject: Annotated[str, typer.Option("--subject", "-s", help="Only of this aggregate: its id.")] = "",
    correlation: Annotated[str, typer.Option(help="Only of this process: its correlation id.")] = "",
    since: Since = "",
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, max=10_000, help="So many of the last ones first.")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")] = True,
    json: Json = False,
) -> None:
    """Show events as they are recorded, from now on until Ctrl-C.

    \b
    Examples:
      promenade events tail --type 'order.*'
      promenade events tail --since 10m --context billing
      promenade events tail -n 20 --no-follow --json
    """
    wanted = Wanted(type=type, subject=uuid(subject, "subject") if subject else None, correlation=correlation or None)
    begin = moment(since) if since else None

    async def work() -> None:
        async with open_backbone() as backbone:
            tail = Tail(backbone, wanted, context, json=json)
            await tail.history(lines, begin)
            tail.tell_troubles()
            if follow:
                await tail.follow()

    try:
        run(work())
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@app.command()
def lag(context: Context = "", *, json: Json = False) -> None:
    """Show how far everybody is: outboxes, streams, groups, and what is stuck.

    A reaction is stuck when it has waited for more than an hour; a gap is a subject whose next event has not come
    while a later one is held for 10 s.

    \b
    Examples:
      promenade events lag
      promenade events lag --context billing --json
    """

    async def work() -> None:
        async with open_backbone() as backbone:
            seen = await look(backbone, context)
            say_json(seen) if json else show_lag(seen)
            tell_troubles(backbone)

    run(work())


@app.command()
def show(event_id: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")], *, json: Json = False) -> None:
    """Show an event, and what every service did with it.

    \b
    Example:
      promenade events show 01a2049a-7890-7002-8a5e-1f2d3c4b5a69
    """
    wanted = uuid(event_id, "event's id")

    async def work() -> None:
        async with open_backbone() as backbone:
            found = await find(backbone, wanted)
            say_json(found) if json else show_event(found)
            tell_troubles(backbone)

    run(work())


@app.command("trace")
def trace_process(
    text: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="A correlation id, an event's or aggregate's id, a number as ORD-2026-000001."
        ),
    ],
    *,
    json: Json = False,
) -> None:
    """Show a process across services: every event under the one that caused it, and who reacted how long after.

    A number is searched in all events of the outboxes, which may take a while.

    \b
    Examples:
      promenade events trace 01a2049a-7890-7002-8a5e-1f2d3c4b5a69
      promenade events trace ORD-2026-000001
    """

    async def work() -> None:
        async with open_backbone() as backbone:
            traced = await trace(backbone, text.strip())
            say_json(traced) if json else show_trace(traced)
            tell_troubles(backbone)

    run(work())


@app.command()
def replay(
    since: Since,
    until: Annotated[str, typer.Option(help="Only before this, written as --since; now when left out.")] = "",
    context: Annotated[str, typer.Option("--context", "-c", help="Publish again what this context recorded.")] = "",
    type: Type = "",  # noqa: A002 - the option's name
    reaction: Annotated[str, typer.Option(help="Run this again, such as billing.on_order_placed; needs --again.")] = "",
    *,
    again: Annotated[bool, typer.Option("--again", help="Do what is done once more.")] = False,
    yes: Yes = False,
) -> None:
    """Publish events again, or run one reaction again.

    With --context the relay publishes once more what was recorded since: consumers acknowledge what they have done,
    and do what they have not. Harmless.

    With --reaction and --again that reaction handles once more what it has handled: its effects may then be there
    twice. Only events that are still in an outbox (7 days after publishing).

    \b
    Examples:
      promenade events replay --context order-management --since 2h --type order.placed
      promenade events replay --reaction billing.on_order_placed --again --since 1d
    """
    bounds = moment(since), moment(until) if until else datetime.now(UTC)
    if bool(reaction) != again or bool(reaction) == bool(context):
        raise StackError("say either --context, or --reaction with --again")
    run(_run_again(reaction, type, bounds, yes=yes) if reaction else _publish_again(context, type, bounds))


async def _publish_again(context: str, type_pattern: str, bounds: tuple[datetime, datetime]) -> None:
    async with open_backbone() as backbone:
        count = await republish(backbone, context, type_pattern, *bounds)
        say(f"{_events(count)} of {context} will be published again")


async def _run_again(reaction: str, type_pattern: str, bounds: tuple[datetime, datetime], *, yes: bool) -> None:
    async with open_backbone() as backbone:
        again = Again(backbone, reaction, Wanted(type=type_pattern), *bounds)
        count = await again.count()
        if count == 0:
            say(f"{reaction} has handled none of these events")
            return
        question = (
            f"{reaction} has handled {_events(count)} of these. Run it again to each? Effects may then be doubled."
        )
        await asyncio.to_thread(confirm, question, yes=yes)
        say(f"{reaction} will handle {_events(await again.order())} again")


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"
