"""Child processes under an event loop, without a thread for each: SIGCHLD says when to look."""

import asyncio
import signal
import subprocess
from pathlib import Path

import psutil
from promenade_chassis.embedded.launch import Launch, kill_session, spawn

from promenade_local.state import Incarnation


class Child:
    """One running process and the promise of its exit status."""

    def __init__(self, process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
        self.pid = process.pid
        self.incarnation = _incarnation(process.pid)
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._process = process
        self._stop_signal = stop_signal

    def look(self) -> None:
        """Note the exit status if the process has ended."""
        status = self._process.poll()
        if status is not None and not self.exited.done():
            kill_session(self.pid)  # children it may have left behind
            self.exited.set_result(status)

    async def stop(self, within: float) -> None:
        """Ask it to end; kill it and its children when it has not after `within` seconds."""
        if not self.exited.done():
            self._process.send_signal(self._stop_signal)
        await asyncio.wait([self.exited], timeout=within)
        self.kill()
        await self.exited

    def kill(self) -> None:
        """End it and its children without mercy."""
        if not self.exited.done():
            kill_session(self.pid)


class Children:
    """Starts processes and hears of their ends. One per event loop, used from the main thread alone."""

    def __init__(self) -> None:
        self._living: set[Child] = set()
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._look)

    def start(self, launch: Launch, log: Path) -> Child:
        """Start a process with its output at the end of the log file. Raises OSError."""
        with log.open("ab") as output:
            child = Child(spawn(launch, output), launch.stop_signal)
        self._living.add(child)
        child.exited.add_done_callback(lambda _: self._living.discard(child))
        child.look()
        return child

    def _look(self) -> None:
        for child in tuple(self._living):
            child.look()


def _incarnation(pid: int) -> Incarnation | None:
    try:
        return Incarnation.of(pid)
    except psutil.NoSuchProcess:
        return None


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
