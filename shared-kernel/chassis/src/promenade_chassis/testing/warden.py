"""Starts a test run's engines and stops them when the run has ended, however it ended.

python -m promenade_chassis.testing.warden KIND FOLDER OWNER_PID
"""

import shutil
import signal
import sys
import threading
import traceback
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

import msgspec
import psutil

from promenade_chassis.embedded.liveness import lives
from promenade_chassis.testing.backends import Backends

EVERY = 0.3


def main(kind: str, folder: Path, owner_pid: int) -> None:
    """Keep the engines running until SIGTERM comes or the owner is gone."""
    owner = psutil.Process(owner_pid)
    told_to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: told_to_stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with _started(kind, folder) as backends:
            _publish(folder, backends)
            while not told_to_stop.wait(EVERY) and lives(owner):
                pass
    except Exception:
        traceback.print_exc()
        (folder / "failed").touch()
        _wait_for_end(told_to_stop, owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(kind: str, folder: Path) -> AbstractContextManager[Backends]:
    # By name, so that a machine without Docker's client need not have it.
    return import_module(f"promenade_chassis.testing.{kind}_backend").started(folder)


def _publish(folder: Path, backends: Backends) -> None:
    fresh = folder / "backends.json.new"
    fresh.write_bytes(msgspec.json.encode(backends))
    fresh.rename(folder / "backends.json")


def _wait_for_end(told_to_stop: threading.Event, owner: psutil.Process) -> None:
    """The run reads from the folder why the engines did not start; only then may it vanish."""
    while not told_to_stop.wait(EVERY) and lives(owner):
        pass


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
