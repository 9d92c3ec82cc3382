"""The supervisor's side of the nursery: asks for processes and hears of their ends."""

import asyncio
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from promenade_chassis.embedded.launch import Launch, kill_session, spawn

from promenade_local.child import Child
from promenade_local.nursery_process import LARGEST_REQUEST, Birth, Born, News

CLOSES_WITHIN = 5.0
# What every service imports.
LIBRARIES = (
    "litestar",
    "litestar.openapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "psycopg",
    "psycopg_pool",
    "redis.asyncio",
    "aiohttp",
    "structlog",
    "jwt",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "yaml",
    "yoyo",
    "prometheus_client",
    "promenade_chassis.command_line",
)


def nursery_is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """On Linux, as forking is not safe elsewhere, unless PROMENADE_NURSERY=off: debuggers like plain processes."""
    return sys.platform == "linux" and environ.get("PROMENADE_NURSERY") != "off"


class Nursery:
    """Makes Python processes by forking one that has imported their libraries."""

    def __init__(self, cwd: Path, log: Path, libraries: Sequence[str] = LIBRARIES) -> None:
        self._numbers = itertools.count()
        self._expected: dict[int, tuple[Launch, asyncio.Future[Child]]] = {}
        self._living: dict[int, Child] = {}
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        with theirs, log.open("ab") as output:
            module = ("-m", "promenade_local.nursery_process")
            command = (sys.executable, *module, str(theirs.fileno()), *libraries)
            self._process = spawn(Launch(argv=command, cwd=cwd, env=os.environ), output, [theirs.fileno()])
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._channel, self._hear)

    @property
    def is_open(self) -> bool:
        """Whether it can still make processes."""
        return self._channel.fileno() >= 0

    @staticmethod
    def can_make(launch: Launch) -> bool:
        """It makes processes that run a Python module as ourselves."""
        return launch.argv[:2] == (sys.executable, "-m") and launch.account is None

    async def make(self, launch: Launch, log: Path) -> Child:
        """The new process. Raises OSError when the nursery is gone."""
        number = next(self._numbers)
        born: asyncio.Future[Child] = self._loop.create_future()
        self._expected[number] = launch, born
        birth = Birth(
            number=number,
            module=launch.argv[2],
            arguments=launch.argv[3:],
            cwd=str(launch.cwd),
            env=dict(launch.env),
            log=str(log),
        )
        self._channel.send(msgspec.json.encode(birth))
        try:
            return await asyncio.shield(born)
        except asyncio.CancelledError:
            born.add_done_callback(_kill_unwanted)
            raise

    async def close(self) -> None:
        """End it, when nothing that it made lives any more."""
        self._end()
        await asyncio.to_thread(_reap, self._process)

    def _hear(self) -> None:
        while self.is_open:
            try:
                message = self._channel.recv(LARGEST_REQUEST)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._end()
                return
            self._note(msgspec.json.decode(message, type=News))

    def _note(self, news: News) -> None:
        if isinstance(news, Born):
            launch, born = self._expected.pop(news.number)
            self._living[news.pid] = Child(news.pid, launch.stop_signal)
            born.set_result(self._living[news.pid])
        elif news.pid in self._living:
            self._living.pop(news.pid).has_ended(news.status)

    def _end(self) -> None:
        """Its children are told by the kernel to end with it, but they must not be in the way of their successors."""
        if not self.is_open:
            return
        self._loop.remove_reader(self._channel)
        self._channel.close()
        for pid, child in self._living.items():
            kill_session(pid)
            child.has_ended(-9)
        for _, born in self._expected.values():
            born.set_exception(OSError("the process that makes services has ended"))
        self._living.clear()
        self._expected.clear()


def _kill_unwanted(born: asyncio.Future[Child]) -> None:
    if not born.cancelled() and born.exception() is None:
        born.result().kill()


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(CLOSES_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
