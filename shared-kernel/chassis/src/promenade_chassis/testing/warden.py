"""Starts a test run's engines and stops them when the run has ended, however it ended.

python -m promenade_chassis.testing.warden KIND FOLDER OWNER_PID
"""

import os
import shutil
import signal
import sys
import threading
import time
import traceback
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec
import psutil

from promenade_chassis.embedded.liveness import lives
from promenade_chassis.testing.backends import Backends

LOOK_EVERY = 0.3


class RunEnded(BaseException):
    """The run is over; raised wherever we are, in the middle of starting too."""


def main(kind: str, folder: Path, owner: int) -> None:
    """Keep the engines running until SIGTERM comes or the owner is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_watch, args=(psutil.Process(owner),), daemon=True).start()
    try:
        with _started(kind, folder) as backends:
            _publish(folder, backends)
            _wait()
    except RunEnded:
        pass
    except Exception:
        _fail(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(kind: str, folder: Path) -> AbstractContextManager[Backends]:
    # By name, so that a machine without Docker's client need not have it.
    return import_module(f"promenade_chassis.testing.{kind}_backend").started(folder)


def _publish(folder: Path, backends: Backends) -> None:
    fresh = folder / "backends.json.new"
    fresh.touch(mode=0o600)  # a superuser's password is in it
    fresh.write_bytes(msgspec.json.encode(backends))
    fresh.rename(folder / "backends.json")


def _fail(folder: Path) -> None:
    """The run reads from the folder why its engines did not start; only then may it vanish."""
    traceback.print_exc()
    (folder / "failed").touch()
    try:
        _wait()
    except RunEnded:
        return


def _wait() -> NoReturn:
    while True:
        signal.pause()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows is the cleaning up
    raise RunEnded


def _watch(owner: psutil.Process) -> None:
    while lives(owner):
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
