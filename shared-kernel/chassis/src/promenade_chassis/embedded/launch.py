"""Starting and stopping child processes that never outlive us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from promenade_chassis.embedded.account import Account

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
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


def spawn(launch: Launch, output: IO[bytes] | int, pass_on: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, its output going to `output`, its input from nowhere.

    Of our other files it inherits only the descriptors in `pass_on`.

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
        pass_fds=pass_on,
        start_new_session=True,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        preexec_fn=partial(die_with_parent, os.getpid(), launch.stop_signal),
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


def die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Ask the kernel for this signal when our parent, whose pid was `parent`, dies. Does nothing but on Linux."""
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, death_signal.value)
    if os.getppid() != parent:  # it died before we asked to be told
        os._exit(1)


def name_process(name: str) -> None:
    """The name that `top` and `ps -o comm` show for this process; its first 15 letters. Only on Linux."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_NAME, name.encode())
