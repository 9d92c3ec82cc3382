"""`promenade`: the one-machine stack.

What a command needs is imported when that command is run: it would be most of the time of every other one.
"""

import contextlib
from importlib import import_module
from typing import Annotated, Any, NoReturn

import psutil
import typer

from promenade_local.down import stop_stack
from promenade_local.errors import StackError
from promenade_local.follow import follow, print_tails
from promenade_local.home import Home
from promenade_local.names import NAMES, SUITE

LOGS = (*NAMES, SUITE, "supervisor")
# Every word after the command's name is for whoever is imported for it.
PASSED_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

typer_app = typer.Typer(
    help="Promenade on one machine: gateway, four services, PostgreSQL and Valkey.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _run(module: str, name: str, context: typer.Context) -> None:
    """A command that is a function of that module."""
    command = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    command.command()(getattr(import_module(f"promenade_local.{module}"), name))
    command(context.args, prog_name=f"promenade {name}")


def _run_group(module: str, name: str, context: typer.Context) -> None:
    """Commands that are the `app` of that module."""
    import_module(f"promenade_local.{module}").app(context.args, prog_name=f"promenade {name}")


@typer_app.command(context_settings=PASSED_ON)
def up(context: typer.Context) -> None:
    """Start the stack; Ctrl-C stops it."""
    _run("stack_commands", "up", context)


@typer_app.command()
def down() -> None:
    """Stop the stack."""
    stopped = stop_stack(Home.find())
    typer.echo("nothing was running" if stopped is None else "Promenade has stopped.")


@typer_app.command(context_settings=PASSED_ON)
def status(context: typer.Context) -> None:
    """Show what runs, where, and whether it is ready."""
    _run("stack_commands", "status", context)


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


@typer_app.command(context_settings=PASSED_ON)
def doctor(context: typer.Context) -> None:
    """Look for what could keep the stack from running."""
    _run("stack_commands", "doctor", context)


@typer_app.command(context_settings=PASSED_ON)
def demo(context: typer.Context) -> None:
    """Tell the story from registration to the delivered order; starts the stack when it does not run."""
    _run("demo", "demo", context)


@typer_app.command(context_settings=PASSED_ON)
def mail(context: typer.Context) -> None:
    """The mails that the stack has sent."""
    _run_group("mail_commands", "mail", context)


@typer_app.command(context_settings=PASSED_ON)
def events(context: typer.Context) -> None:
    """Watch events across services, trace a process, find what is stuck, replay what was given up."""
    _run_group("event_commands", "events", context)


@typer_app.command(context_settings=PASSED_ON)
def identity(context: typer.Context) -> None:
    """List and rotate signing keys, end sessions, unlock users, make superadmins."""
    import_module("promenade_local.identity_command").become_identity(context.args)


@typer_app.command(context_settings=PASSED_ON)
def openapi(context: typer.Context) -> None:
    """Write the services' OpenAPI specifications, or check that they are current and break nobody."""
    _run_group("openapi_commands", "openapi", context)


def app() -> None:
    """Run the command line; what went wrong is said in words."""
    try:
        typer_app()
    except StackError as refused:
        _refuse(str(refused))
    except (PermissionError, psutil.AccessDenied) as denied:
        _refuse(f"this stack belongs to another user: {denied}")


def _refuse(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise SystemExit(1)


if __name__ == "__main__":
    app()
