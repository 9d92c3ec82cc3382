"""Starting and stopping child processes that never outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from promenade_chassis.embedded.account import Account

PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec the child must do as little as possible.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One child process: what to run, where, as whom, and the signal that ends it in good order."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def spawn(launch: Launch, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, its output going to `output`, its input from nowhere.

    Call from a thread that lives as long as the child should: on Linux the kernel sends the child its
    stop signal when that thread dies, so that even `kill -9` of the parent leaves no orphan.
    """
    account = launch.account
    return subprocess.Popen(  # noqa: S603  # what to run is written in our own code
        launch.argv,
        cwd=launch.cwd,
        env=dict(launch.env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        preexec_fn=_dies_with(os.getpid(), launch.stop_signal),
    )


def run_to_end(launch: Launch) -> tuple[int, str]:
    """Run a program that ends by itself; returns its exit status and all it said."""
    with spawn(launch, subprocess.PIPE) as process:
        said, _ = process.communicate()
        return process.returncode, said.decode(errors="replace")


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, within: float) -> int:
    """Ask the process to end, wait, and kill its whole session when it has not; returns its exit status."""
    if process.poll() is None:
        process.send_signal(stop_signal)
    try:
        return process.wait(within)
    except subprocess.TimeoutExpired:
        kill_session(process.pid)
        return process.wait()


def kill_session(pid: int) -> None:
    """kill -9 to a process started by `spawn` and all its children."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _dies_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    if LIBC is None:
        return None
    prctl = LIBC.prctl

    def before_exec() -> None:
        prctl(PR_SET_PDEATHSIG, death_signal.value)
        if os.getppid() != parent:  # the parent died before we asked to be told
            os._exit(1)

    return before_exec
