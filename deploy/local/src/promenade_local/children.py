"""Starts processes under an event loop, without a thread for each: SIGCHLD says when to look."""

import asyncio
import signal
import subprocess
from pathlib import Path

from promenade_chassis.embedded.launch import Launch, spawn

from promenade_local.child import Child
from promenade_local.nursery import Nursery


class Children:
    """One per event loop, used from the main thread alone. `nursery` makes what it can, everything else is executed."""

    def __init__(self, nursery: Nursery | None = None) -> None:
        self._nursery = nursery
        self._executed: dict[Child, subprocess.Popen[bytes]] = {}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._look)

    async def start(self, launch: Launch, log: Path) -> Child:
        """Start a process with its output at the end of the log file. Raises OSError."""
        if self._nursery is not None and self._nursery.is_open and self._nursery.can_make(launch):
            return await self._nursery.make(launch, log)
        with log.open("ab") as output:
            process = spawn(launch, output)
        child = Child(process.pid, launch.stop_signal)
        self._executed[child] = process
        self._look()
        return child

    def _look(self) -> None:
        for child, process in tuple(self._executed.items()):
            status = process.poll()
            if status is not None:
                del self._executed[child]
                child.has_ended(status)
