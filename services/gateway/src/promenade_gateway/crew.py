"""Several processes that answer on one port: each a whole gateway, and a parent that only watches over them.

The parent has no event loop and no threads, so that it can fork at any time. It ends with its children, they with it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[int, int], int]

# Who ends sooner has not started well: the next one waits a second, and when it goes on so there is no use in it.
EARLY_SECONDS, PAUSE_SECONDS, MOST_EARLY = 5.0, 1.0, 5
_HEEDED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_TOLD = (-signal.SIGTERM, -signal.SIGINT)


@dataclass(slots=True)
class _Member:
    number: int
    since: float


class Crew:
    """Runs `count` processes. `work` gets its number and a descriptor that ends when the parent does, answers a status.

    `patience` is how many seconds they have to end after SIGTERM.
    """

    def __init__(self, count: int, work: Work, *, patience: float) -> None:
        self._count = count
        self._work = work
        self._patience = patience
        self._members: dict[int, _Member] = {}  # by process id
        self._due: dict[int, float] = {}  # by number: when the next one begins
        self._early = 0
        self._status = 0
        self._kill_at: float | None = None  # set while it stops
        self._lifeline, self._hand = os.pipe()
        self._wake, self._alarm = socket.socketpair()

    def run(self) -> int:
        """Until all have ended; answers the exit status. A child leaves by SystemExit."""
        self._wake.setblocking(False)
        self._alarm.setblocking(False)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for number in _HEEDED:
            signal.signal(number, _ignore)
        self._due = dict.fromkeys(range(self._count), 0.0)
        while self._members or self._kill_at is None:
            self._begin_due()
            self._sleep()
            self._reap()
        log.info("process.stopped")
        return self._status

    def _begin_due(self) -> None:
        now = time.monotonic()
        for number, due in tuple(self._due.items()):
            if due <= now and self._kill_at is None:
                del self._due[number]
                self._begin(number)
        if self._kill_at is not None and now >= self._kill_at:
            log.error("process.cut-off", processes=len(self._members))
            self._send(signal.SIGKILL)
            self._kill_at = now + self._patience  # the end of a large process takes a moment

    def _begin(self, number: int) -> None:
        # A signal that comes meanwhile is for one of the two, and is not taken by the other's handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
        pid = os.fork()
        if pid == 0:
            self._let_go()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            sys.exit(self._work(number, self._lifeline))
        self._members[pid] = _Member(number, time.monotonic())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _let_go(self) -> None:
        """The child has nothing of the parent's but the lifeline's other end."""
        signal.set_wakeup_fd(-1)
        for number in _HEEDED:
            signal.signal(number, signal.SIG_DFL)
        os.close(self._hand)
        self._wake.close()
        self._alarm.close()

    def _sleep(self) -> None:
        """Until a signal comes or something is due."""
        dates = [*self._due.values(), *([] if self._kill_at is None else [self._kill_at])]
        wait = max(0.0, min(dates) - time.monotonic()) if dates else None
        select.select([self._wake], [], [], wait)
        with suppress(BlockingIOError):
            told = self._wake.recv(1024)
            if signal.SIGTERM in told or signal.SIGINT in told:
                self._stop()

    def _stop(self) -> None:
        if self._kill_at is None:
            log.info("process.stopping", processes=len(self._members))
            self._due.clear()
            self._kill_at = time.monotonic() + self._patience
            self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._members:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _reap(self) -> None:
        while self._members:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            member = self._members.pop(pid, None)
            if member is not None:  # the first process of a container is the heir of everybody's orphans
                self._ended(member, pid, os.waitstatus_to_exitcode(status))

    def _ended(self, member: _Member, pid: int, status: int) -> None:
        if self._kill_at is not None:
            # Who was told to end before he could do so in order has done as he was told.
            self._status = self._status or (0 if status in _TOLD else abs(status))
            return
        lived = time.monotonic() - member.since
        log.error("process.died", process=member.number, pid=pid, status=status, seconds=round(lived, 1))
        is_early = lived < EARLY_SECONDS
        self._early = self._early + 1 if is_early else 0
        if self._early >= MOST_EARLY:
            self._status = 1
            self._stop()
        else:
            self._due[member.number] = time.monotonic() + (PAUSE_SECONDS if is_early else 0.0)


def _ignore(*_: object) -> None:
    """The number comes through the wakeup descriptor."""
