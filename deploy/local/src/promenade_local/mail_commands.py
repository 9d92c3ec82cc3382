"""`promenade mail`: list and show what the stack has sent."""

from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from promenade_local.home import Home
from promenade_local.mails import Mail, choose_mail, harmless, read_mails
from promenade_local.screen import wide_console

app = typer.Typer(
    help="The mails that the stack has sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command("list")
def list_mails(
    to: Annotated[str, typer.Option(help="Only mails to an address that contains this.")] = "",
    *,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the mails, the newest last."""
    mails = _mails(to)
    if json:
        typer.echo(msgspec.json.encode(mails).decode())
        return
    if not mails:
        typer.echo("there is no mail yet")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("#", "date", "to", "subject"):
        table.add_column(heading)
    for number, mail in enumerate(mails, start=1):
        # As Text: in a plain string a subject in brackets would be taken for markup.
        table.add_row(
            str(number), f"{mail.date:%Y-%m-%d %H:%M:%S}", Text(_in_a_line(mail.to)), Text(_in_a_line(mail.subject))
        )
    wide_console().print(table)


@app.command()
def show(
    which: Annotated[str, typer.Argument(help="A number of the list, or the beginning of a file name.")] = "latest",
    to: Annotated[str, typer.Option(help="Only mails to an address that contains this.")] = "",
) -> None:
    """Show one mail; the newest when none is named."""
    mail = choose_mail(_mails(to), which)
    for name, value in (("From", mail.sender), ("To", mail.to), ("Date", str(mail.date)), ("Subject", mail.subject)):
        typer.echo(f"{name}: {_in_a_line(value)}")
    typer.echo(f"\n{harmless(mail.text.rstrip())}")


def _in_a_line(text: str) -> str:
    return harmless(" ".join(text.split()))


def _mails(to: str) -> list[Mail]:
    return [mail for mail in read_mails(Home.find().mail) if to.casefold() in mail.to.casefold()]
