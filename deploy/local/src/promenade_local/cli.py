"""`promenade`: the one-machine stack."""

import contextlib
import os
import shutil
from importlib import import_module
from typing import Annotated, NoReturn

import msgspec
import psutil
import typer
from rich.console import Console

from promenade_local import mail_commands
from promenade_local.detached import start_detached
from promenade_local.doctor import examine, show_findings
from promenade_local.down import stop_stack
from promenade_local.errors import StackError
from promenade_local.follow import follow, print_tails
from promenade_local.home import Home
from promenade_local.identity_command import become_identity
from promenade_local.plan import NAMES, SUITE, Options
from promenade_local.screen import Screen
from promenade_local.status import current_status, show_status
from promenade_local.supervisor import run_stack

LOGS = (*NAMES, SUITE, "supervisor")

typer_app = typer.Typer(
    help="Promenade on one machine: gateway, four services, PostgreSQL and Valkey.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
typer_app.add_typer(mail_commands.app, name="mail")
console = Console()
errors = Console(stderr=True)


@typer_app.command()
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's port on 127.0.0.1.")] = 8000,
    profile: Annotated[str, typer.Option(help="The configuration, a file of config/.")] = "embedded",
    within: Annotated[float, typer.Option(help="Give up when it is not ready after so many seconds.")] = 90.0,
    *,
    detach: Annotated[bool, typer.Option("--detach", help="Return when the stack is ready, leave it running.")] = False,
    single: Annotated[bool, typer.Option("--single", help="All five applications in one process.")] = False,
) -> None:
    """Start the stack; Ctrl-C stops it."""
    home = Home.find()
    options = Options(port=port, single=single, profile=profile, start_within=within)
    with Screen(console, detached=detach) as screen:
        status = start_detached(home, options, screen.tell) if detach else run_stack(home, options, screen.tell)
    if status == 0 and not detach:
        typer.echo("Promenade has stopped.")
    raise typer.Exit(status)


@typer_app.command()
def down() -> None:
    """Stop the stack."""
    stopped = stop_stack(Home.find())
    typer.echo("nothing was running" if stopped is None else "Promenade has stopped.")


@typer_app.command()
def status(*, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show what runs, where, and whether it is ready."""
    home = Home.find()
    found = current_status(home)
    if json:
        typer.echo(msgspec.json.encode(found).decode())
    elif found.processes:
        show_status(console, found)
    else:
        raise StackError(f"nothing runs on the home {home.root}")


@typer_app.command()
def logs(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(LOGS)}; all when none is named.")] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
    *,
    follow_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """Show the processes' logs."""
    if name and name not in LOGS:
        raise StackError(f"no process is called {name!r}; there are {', '.join(LOGS)}")
    home = Home.find()
    files = [home.log(each) for each in ([name] if name else LOGS)]
    print_tails(files, lines, typer.echo, named=not name)
    if follow_on:
        with contextlib.suppress(KeyboardInterrupt):
            follow(files, typer.echo, named=not name)


@typer_app.command()
def doctor() -> None:
    """Look for what could keep the stack from running."""
    findings = examine(Home.find())
    show_findings(console, findings)
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)


@typer_app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def demo(context: typer.Context) -> None:
    """Tell the story from registration to the delivered order; starts the stack when it does not run."""
    # Imported on demand: what it needs would be a third of every other command's start.
    command = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    command.command()(import_module("promenade_local.demo").demo)
    command(context.args, prog_name="promenade demo")


@typer_app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def events(context: typer.Context) -> None:
    """Watch events across services, trace a process, find what is stuck, replay what was given up."""
    command = import_module("promenade_local.event_commands").app  # on demand, as for the demo
    command(context.args, prog_name="promenade events")


@typer_app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def identity(context: typer.Context) -> None:
    """List and rotate signing keys, end sessions, unlock users, make superadmins."""
    become_identity(context.args)


@typer_app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def openapi(context: typer.Context) -> None:
    """Write the services' OpenAPI specifications, or check that they are current and break nobody."""
    command = import_module("promenade_local.openapi_commands").app  # on demand, as for the demo
    command(context.args, prog_name="promenade openapi")


def app() -> None:
    """Run the command line; what went wrong is said in words."""
    if not os.environ.get("COLUMNS") and not console.is_terminal:
        console.width = errors.width = max(shutil.get_terminal_size((120, 24)).columns, 120)
    try:
        typer_app()
    except StackError as refused:
        _refuse(str(refused))
    except (PermissionError, psutil.AccessDenied) as denied:
        _refuse(f"this stack belongs to another user: {denied}")


def _refuse(reason: str) -> NoReturn:
    errors.print(reason, markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(1)


if __name__ == "__main__":
    app()
