"""One process of the stack, whoever made it."""

import asyncio
import contextlib
import os
import signal

import psutil
from promenade_chassis.embedded.launch import kill_session

from promenade_local.state import Incarnation


class Child:
    """A running process and the promise of its exit status."""

    def __init__(self, pid: int, stop_signal: signal.Signals) -> None:
        self.pid = pid
        self.incarnation = _incarnation(pid)
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._stop_signal = stop_signal

    def has_ended(self, status: int) -> None:
        """Said by whoever waited for it."""
        if not self.exited.done():
            kill_session(self.pid)  # children it may have left behind
            self.exited.set_result(status)

    async def stop(self, within: float) -> None:
        """Ask it to end; kill it and its children when it has not after `within` seconds."""
        self._send(self._stop_signal)
        await asyncio.wait([self.exited], timeout=within)
        self.kill()
        await self.exited

    def kill(self) -> None:
        """End it and its children without mercy."""
        self._send(signal.SIGKILL)  # just born it may have no session of its own yet
        if not self.exited.done():
            kill_session(self.pid)

    def _send(self, number: signal.Signals) -> None:
        if not self.exited.done():
            with contextlib.suppress(ProcessLookupError):  # it has ended, the news is on its way
                os.kill(self.pid, number)


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _incarnation(pid: int) -> Incarnation | None:
    try:
        return Incarnation.of(pid)
    except psutil.NoSuchProcess:
        return None
