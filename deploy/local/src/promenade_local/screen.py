"""What a person sees while the stack comes up: a live table on a terminal, plain lines anywhere else."""

import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from promenade_local.credentials import EMAIL
from promenade_local.names import NAMES
from promenade_local.reports import Failed, Ready, Report, Step

WAITING = "[dim]starting[/dim]"


def wide_console() -> Console:
    """A console that breaks no line of a table where nobody looks at it but a program."""
    console = Console()
    if not os.environ.get("COLUMNS") and not console.is_terminal:
        console.width = max(shutil.get_terminal_size((120, 24)).columns, 120)
    return console


class Screen:
    """Shows reports as they come. Use as a context manager."""

    def __init__(self, console: Console, *, detached: bool) -> None:
        self._console = console
        self._detached = detached
        self._steps: dict[str, str] = dict.fromkeys(NAMES, WAITING)
        # Without a thread of its own: the supervisor forks from this process.
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> "Screen":
        if self._live is not None:
            self._live.start()
            self._refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_table()

    def tell(self, report: Report) -> None:
        """Show one report."""
        if isinstance(report, Step):
            self._step(report)
        elif isinstance(report, Ready):
            self._end_table()
            self._ready(report)
        else:
            self._end_table()
            self._failed(report)

    def _step(self, step: Step) -> None:
        if self._live is None:
            self._console.print(f"{step.name}: {step.text}", markup=False, highlight=False)
        else:
            self._steps[step.name] = step.text
            self._refresh()

    def _ready(self, ready: Ready) -> None:
        credentials = _as_short_as_clear(Path(ready.credentials))
        made = "was made, his password is in" if ready.new_credentials else "has his password in"
        lines = (
            f"Promenade is ready after {ready.seconds:.1f} s: {ready.url}",
            f"The superadmin {EMAIL} {made} {credentials}",
            "Mails: promenade mail list. Logs: promenade logs. State: promenade status.",
            "promenade down stops everything." if self._detached else "Ctrl-C stops everything.",
        )
        for line in lines:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _failed(self, failed: Failed) -> None:
        self._console.print(failed.reason, markup=False, highlight=False, soft_wrap=True)

    def _refresh(self) -> None:
        if self._live is not None:
            table = Table.grid(padding=(0, 2))
            for name, text in self._steps.items():
                table.add_row(name, text)
            self._live.update(table, refresh=True)

    def _end_table(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _as_short_as_clear(path: Path) -> Path:
    """Relative to where the person is, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
