"""`promenade down`."""

import contextlib
import signal

import psutil
from promenade_chassis.embedded.liveness import wait_gone

from promenade_local.home import Home
from promenade_local.state import StackState, running_stack
from promenade_local.strays import end_strays

SUPERVISOR_WITHIN = 90.0


def stop_stack(home: Home) -> StackState | None:
    """Stop the stack of this home and wait until nothing is left; returns what ran."""
    state = running_stack(home.state)
    if state is not None:
        _end_supervisor(state)
    end_strays(home)
    return state


def _end_supervisor(state: StackState) -> None:
    supervisor = state.supervisor.process()
    if supervisor is None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor.send_signal(signal.SIGTERM)
        for survivor in wait_gone([supervisor], within=SUPERVISOR_WITHIN):
            survivor.kill()
