"""Ending what a supervisor that was killed has left."""

import contextlib
import signal

import psutil
from promenade_chassis.embedded.launch import kill_session
from promenade_chassis.embedded.liveness import wait_gone

from promenade_local.home import Home
from promenade_local.state import StackState

STRAYS_WITHIN = 5.0


def end_strays(home: Home) -> None:
    """End what a supervisor that was killed could not end; on Linux the kernel has told them already."""
    state = StackState.read(home.state)
    if state is None:
        return
    found = {row.process for row in state.processes if row.process is not None}
    strays = [process for process in (incarnation.process() for incarnation in found) if process is not None]
    for stray in strays:
        with contextlib.suppress(psutil.NoSuchProcess):
            stray.send_signal(signal.SIGINT if stray.name() == "postgres" else signal.SIGTERM)
    for survivor in wait_gone(strays, within=STRAYS_WITHIN):
        kill_session(survivor.pid)
    home.state.unlink(missing_ok=True)
