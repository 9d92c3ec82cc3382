"""`promenade events dead`: what was given up."""

import time
from typing import Annotated
from uuid import UUID

import msgspec
import typer
from promenade_chassis.events.operator.dead import Filter, discard_dead, ids_of, list_dead, replay_dead, show_dead
from promenade_chassis.events.operator.letters import blocks_of, facts_of, name_of, state_of
from promenade_chassis.events.operator.records import DeadLetterRecord, WholeDeadLetter
from promenade_chassis.events.operator.wording import one_line, span
from rich.text import Text

from promenade_local.backbone import Backbone, open_backbone, run
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
    table,
    tell_troubles,
    uuid,
)

app = typer.Typer(help="Events that a reaction gave up: list, show, replay, discard.", no_args_is_help=True)

Reaction = Annotated[str, typer.Option("--reaction", "-r", help="Only this reaction, with or without its context.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of dead letters or of events.")]
EveryOne = Annotated[bool, typer.Option("--all", help="All that are open.")]


_STYLES = {"open": "red", "replayed": "green", "discarded": "dim"}


class Listed(msgspec.Struct):
    """What `promenade events dead list --json` prints."""

    dead_letters: list[DeadLetterRecord]
    away: dict[str, str]


@app.command("list")
def list_letters(
    context: Context = "",
    reaction: Reaction = "",
    type: Type = "",  # noqa: A002 - the option's name
    since: Since = "",
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Of each context only the newest so many.")] = 1000,
    closed: Annotated[bool, typer.Option("--closed", help="Also those replayed or discarded.")] = False,
    json: Json = False,
) -> None:
    """List dead letters, the newest last.

    \b
    Examples:
      promenade events dead list
      promenade events dead list --reaction on_order_placed --since 1d --closed
    """
    chosen = _filter(reaction, type, since, closed=closed)

    async def work() -> None:
        async with open_backbone() as backbone:
            letters = await _matching(backbone, context, chosen, limit)
            if json:
                say_json(Listed(letters, backbone.away))
            else:
                _show_list(letters)
            tell_troubles(backbone)

    run(work())


@app.command("show")
def show_letter(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a dead letter or of an event.")],
    *,
    json: Json = False,
) -> None:
    """Show a dead letter: the envelope as it came, the reason, the traceback."""

    async def work() -> None:
        async with open_backbone() as backbone:
            for context, each in await _named(backbone, "", [letter_id]):
                found = await backbone.ask(
                    lambda connection, where, each=each: show_dead(connection, where, each), only=context
                )
                letter = found[context]
                if letter is not None:
                    say_json(letter) if json else _show_whole(letter)
            tell_troubles(backbone)

    run(work())


@app.command("replay")
def replay_letters(
    ids: Ids = None,
    context: Context = "",
    reaction: Reaction = "",
    type: Type = "",  # noqa: A002 - the option's name
    since: Since = "",
    *,
    everything: EveryOne = False,
    yes: Yes = False,
) -> None:
    """Have the reaction run again, exactly once: after the fault is mended.

    What fails again is the same dead letter again. Run twice, the second time finds nothing open.

    \b
    Examples:
      promenade events dead replay 01a2049a-7890-7002-8a5e-1f2d3c4b5a69
      promenade events dead replay --context billing --reaction on_order_placed
    """
    chosen = _filter(reaction, type, since)
    _require_a_choice(ids, chosen, context, everything=everything)
    run(_replay(ids or [], context, chosen, yes=yes))


@app.command("discard")
def discard_letters(
    ids: Ids = None,
    context: Context = "",
    reaction: Reaction = "",
    type: Type = "",  # noqa: A002 - the option's name
    since: Since = "",
    why: Annotated[str, typer.Option("--reason", help="Why; is kept with the row.")] = "",
    *,
    everything: EveryOne = False,
    yes: Yes = False,
) -> None:
    """Close dead letters for good: their events will never take effect here. The rows stay.

    \b
    Example:
      promenade events dead discard 01a2049a-7890-7002-8a5e-1f2d3c4b5a69 --reason 'deleted by hand'
    """
    chosen = _filter(reaction, type, since)
    _require_a_choice(ids, chosen, context, everything=everything)
    if not why.strip():
        raise StackError("discarding needs a reason: --reason 'why this event shall have no effect'")
    run(_discard(ids or [], context, chosen, why, yes=yes))


async def _replay(ids: list[str], context: str, chosen: Filter, *, yes: bool) -> None:
    async with open_backbone() as backbone:
        letters = await _chosen(backbone, context, ids, chosen)
        if not ids:
            confirm(f"Replay {_letters(len(letters))}?", yes=yes)
        for where, each in letters:
            found = await backbone.ask(lambda connection, _, each=each: replay_dead(connection, each), only=where)
            say(
                f"{each}  {where}  ",
                ("will run again", "green") if found[where] else ("is not open: nothing to do", "dim"),
            )
        tell_troubles(backbone)


async def _discard(ids: list[str], context: str, chosen: Filter, why: str, *, yes: bool) -> None:
    async with open_backbone() as backbone:
        letters = await _chosen(backbone, context, ids, chosen)
        confirm(f"Discard {_letters(len(letters))} for good?", yes=yes)
        for where, each in letters:
            found = await backbone.ask(lambda connection, _, each=each: discard_dead(connection, each, why), only=where)
            say(
                f"{each}  {where}  ", ("discarded", "yellow") if found[where] else ("is not open: nothing to do", "dim")
            )
        tell_troubles(backbone)


async def _chosen(backbone: Backbone, context: str, ids: list[str], chosen: Filter) -> list[tuple[str, UUID]]:
    if ids:
        return await _named(backbone, context, ids)
    found = [(letter.context, letter.id) for letter in await _matching(backbone, context, chosen)]
    if not found:
        raise StackError("\n".join(["no open dead letter matches", *backbone.troubles]))
    return found


async def _named(backbone: Backbone, context: str, ids: list[str]) -> list[tuple[str, UUID]]:
    """Which context has each; an event's id may name several."""
    named: list[tuple[str, UUID]] = []
    for text in ids:
        wanted = uuid(text, "id of a dead letter or an event")
        found = await backbone.ask(lambda connection, _, wanted=wanted: ids_of(connection, wanted), only=context)
        here = [(where, each) for where, letters in found.items() for each in letters]
        if not here:
            raise StackError("\n".join([f"there is no dead letter {text}", *backbone.troubles]))
        named += here
    return named


async def _matching(
    backbone: Backbone, context: str, chosen: Filter, limit: int | None = None
) -> list[DeadLetterRecord]:
    found = await backbone.ask(
        lambda connection, where: list_dead(connection, where, chosen, limit=limit), only=context
    )
    return sorted((letter for each in found.values() for letter in each), key=lambda letter: letter.created_at)


def _filter(reaction: str, type_pattern: str, since: str, *, closed: bool = False) -> Filter:
    begin = moment(since) if since else None
    return Filter(type=type_pattern, reaction=reaction or None, since=begin, closed=closed)


def _require_a_choice(ids: list[str] | None, chosen: Filter, context: str, *, everything: bool) -> None:
    if ids and (everything or chosen != Filter()):
        raise StackError("say either which ones, or what they have in common")
    if not ids and not everything and chosen == Filter() and not context:
        raise StackError("say which: ids, --context, --reaction, --type, --since, or --all")


def _show_list(letters: list[DeadLetterRecord]) -> None:
    if not letters:
        say("there is no dead letter")
        return
    rows = [
        [
            str(letter.id),
            name_of(letter),
            letter.type or "unreadable",
            str(letter.attempts),
            f"{span(time.time() - letter.created_at.timestamp())} ago",
            Text(state_of(letter), style=_STYLES[state_of(letter)]),
            one_line(letter.reason),
        ]
        for letter in letters
    ]
    table(["dead letter", "reaction", "type", "attempts", "written", "state", "reason"], rows, right=["attempts"])


def _show_whole(letter: WholeDeadLetter) -> None:
    for name, text in facts_of(letter).items():
        say((f"{name:<12}", "dim"), text)
    for title, lines in blocks_of(letter).items():
        say("")
        say((title, "dim"))
        for line in lines:
            say("  ", line)


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"
