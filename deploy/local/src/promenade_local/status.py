"""What runs, asked at this moment."""

import asyncio

import msgspec
from rich.console import Console
from rich.table import Table

from promenade_local.home import Home
from promenade_local.names import ENGINES
from promenade_local.probes import accepts_queries, is_ready, pings
from promenade_local.state import Row, StackState, running_stack


class ProcessStatus(msgspec.Struct):
    """One row of `promenade status`. `pid` is null while a dead process waits for its next start."""

    name: str
    pid: int | None
    port: int
    ready: bool
    restarts: int


class Status(msgspec.Struct):
    """What `promenade status --json` prints."""

    processes: list[ProcessStatus]


def current_status(home: Home) -> Status:
    """Every process with its readiness; no process at all when nothing runs."""
    state = running_stack(home.state)
    return Status(processes=[]) if state is None else asyncio.run(_ask(state))


async def _ask(state: StackState) -> Status:
    return Status(processes=list(await asyncio.gather(*(_row(row) for row in state.processes))))


async def _row(row: Row) -> ProcessStatus:
    alive = row.process is not None and row.process.process() is not None
    return ProcessStatus(
        name=row.name,
        pid=row.process.pid if alive and row.process is not None else None,
        port=row.port,
        ready=alive and await _answers(row),
        restarts=row.restarts,
    )


async def _answers(row: Row) -> bool:
    if row.name not in ENGINES:
        return await is_ready(row.port)
    return await (accepts_queries(row.port) if row.name == "postgres" else pings(row.port))


def show_status(console: Console, status: Status) -> None:
    """The table for people."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "pid", "port", "ready", "restarts"):
        table.add_column(heading, justify="left" if heading == "name" else "right")
    for process in status.processes:
        ready = "[green]yes[/green]" if process.ready else "[red]no[/red]"
        table.add_row(process.name, str(process.pid or "-"), str(process.port), ready, str(process.restarts))
    console.print(table)
