"""`promenade up`, `status` and `doctor`: what needs all that a stack consists of."""

from typing import Annotated

import msgspec
import typer

from promenade_local.detached import start_detached
from promenade_local.doctor import examine, show_findings
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.plan import Options
from promenade_local.screen import Screen, wide_console
from promenade_local.status import current_status, show_status
from promenade_local.supervisor import run_stack


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
    with Screen(wide_console(), detached=detach) as screen:
        status = start_detached(home, options, screen.tell) if detach else run_stack(home, options, screen.tell)
    if status == 0 and not detach:
        typer.echo("Promenade has stopped.")
    raise typer.Exit(status)


def status(*, json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show what runs, where, and whether it is ready."""
    home = Home.find()
    found = current_status(home)
    if json:
        typer.echo(msgspec.json.encode(found).decode())
    elif found.processes:
        show_status(wide_console(), found)
    else:
        raise StackError(f"nothing runs on the home {home.root}")


def doctor() -> None:
    """Look for what could keep the stack from running."""
    findings = examine(Home.find())
    show_findings(wide_console(), findings)
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in findings) else 0)
