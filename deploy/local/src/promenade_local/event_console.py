"""How event commands speak: tables and lines on standard output, troubles on standard error, JSON for programs."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
import typer
from promenade_chassis.events.operator.wording import columns, moment_of
from rich.console import Console
from rich.table import Table
from rich.text import Text

from promenade_local.backbone import Backbone
from promenade_local.errors import StackError

console = Console()

STATE_STYLES = {"handled": "green", "waiting": "yellow", "replaying": "yellow", "dead": "red", "discarded": "dim"}

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Context = Annotated[str, typer.Option("--context", "-c", help="Only this context, such as billing.")]
Type = Annotated[str, typer.Option("--type", "-t", help="Only this type: order.placed, order.placed.v1, 'order.*'.")]
Since = Annotated[str, typer.Option(help="Not older than this: 90s, 10m, 2h, 7d, or 2026-01-31T12:00:00Z.")]


def say(*cells: str | tuple[str, str]) -> None:
    """One line, never wrapped; a cell is a text or a text with its style. Texts are taken as they are."""
    console.print(Text.assemble(*cells), soft_wrap=True, highlight=False)


def say_json(answer: object) -> None:
    """One line of JSON."""
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


def tell_troubles(backbone: Backbone) -> None:
    """Who could not be asked."""
    for trouble in backbone.troubles:
        print(f"! {trouble}", file=sys.stderr)  # noqa: T201 - this is what standard error is for


def table(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], *, right: Sequence[str] = ()) -> None:
    """A table without lines. On a terminal its last column gives way, elsewhere nothing is cut."""
    if not console.is_terminal:
        for line in columns([list(headings), *([str(cell) for cell in row] for row in rows)]):
            say(line)
        return
    made = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify, overflow = "right" if heading in right else "left", "ellipsis" if heading == headings[-1] else "fold"
        made.add_column(heading, justify=justify, overflow=overflow, no_wrap=heading == headings[-1])
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console.print(made)


def state_text(state: str) -> Text:
    """A reaction's state in its colour."""
    return Text(state, style=STATE_STYLES.get(state, ""))


def moment(text: str) -> datetime:
    """A time an operator wrote; StackError when it is none."""
    try:
        return moment_of(text, datetime.now(UTC))
    except ValueError as error:
        raise StackError(str(error)) from None


def uuid(text: str, what: str) -> UUID:
    """An id an operator wrote; StackError when it is none."""
    try:
        return UUID(text)
    except ValueError:
        raise StackError(
            f"{text!r} is no {what}: that is a UUID such as 01a2049a-7890-7002-8a5e-1f2d3c4b5a69"
        ) from None


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; a no ends the command with status 1."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise StackError(f"{question}\nNobody is here to be asked: say --yes.")
    if not typer.confirm(question):
        raise typer.Exit(1)
