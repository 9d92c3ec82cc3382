"""Whether processes that are not our children still live."""

import time
from collections.abc import Iterable

import psutil

LOOK_EVERY = 0.02


def lives(process: psutil.Process) -> bool:
    """Whether this very process runs. A zombie does not: its parent may never ask for it, as many a container's."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_gone(processes: Iterable[psutil.Process], within: float) -> list[psutil.Process]:
    """Wait until none of them lives; returns those that still do after `within` seconds."""
    deadline = time.monotonic() + within
    living = [process for process in processes if lives(process)]
    while living and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)
        living = [process for process in living if lives(process)]
    return living
