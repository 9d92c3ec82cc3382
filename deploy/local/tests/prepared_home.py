"""Homes whose PostgreSQL is there already: `initdb` makes it once a run, and every other one is a copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from promenade_chassis.embedded.account import engine_account
from promenade_chassis.embedded.placement import data_folder
from promenade_chassis.embedded.postgres import PostgresEngine
from promenade_chassis.testing.backends import exclusive, run_folder
from promenade_local.home import Home


def prepare_home(root: Path) -> None:
    """Make a home in which a stack starts as if it had been interrupted right after `initdb`, its first step."""
    home = Home(root)
    home.prepare()
    data = data_folder(root, engine_account(root / "data" / "postgres"))
    # As `cp` does it: an owner, who is not us when we are root, stays.
    subprocess.run(["cp", "-a", _pattern() / "postgres", data], check=True)


def _pattern() -> Path:
    """The data folder of a home that nobody else uses."""
    root = run_folder() / "prepared-home"
    with exclusive(run_folder() / "prepared-home.lock"):
        root.mkdir(mode=0o711, exist_ok=True)
        engine = PostgresEngine(root, 0)
        engine.initialise()
    return data_folder(root, engine_account(root / "data" / "postgres"))
