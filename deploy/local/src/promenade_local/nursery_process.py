"""A process that has imported what all services import, and becomes any of them by forking.

Importing costs a service two seconds of processor time, most of it for the same libraries: on two cores five services
would not be up within the five seconds that the stack may take. A fork has them already, and shares their memory.
What is imported here must keep no state that two processes may not share: the kernel's ids begin anew after a fork.

python -m promenade_local.nursery DESCRIPTOR
"""

import contextlib
import gc
import os
import runpy
import selectors
import signal
import socket
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import TypeAlias, cast

import msgspec
from promenade_chassis.embedded.launch import die_with_parent, name_process

# A message is one packet: its end needs no mark. The kernel allows 200 kB by default, an environment has a tenth.
LARGEST_REQUEST = 200_000


class Birth(msgspec.Struct, frozen=True, tag=True):
    """Become `python -m <module> <arguments>`, with this environment and this log."""

    number: int
    module: str
    arguments: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    log: str


class Born(msgspec.Struct, frozen=True, tag=True):
    """The process of a birth."""

    number: int
    pid: int


class Died(msgspec.Struct, frozen=True, tag=True):
    """A process has ended; a negative status is a signal."""

    pid: int
    status: int


News: TypeAlias = Born | Died


def main(descriptor: int, libraries: Sequence[str]) -> None:
    """Import, then fork on demand until the channel closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    for library in libraries:
        with contextlib.suppress(ImportError):
            import_module(library)
    gc.freeze()  # the children's collectors leave these objects alone, so their memory stays shared
    gc.enable()
    with socket.socket(fileno=descriptor) as channel:
        birth = _serve(channel)
    if birth is not None:
        _become(birth)


def _serve(channel: socket.socket) -> Birth | None:
    """None when the channel has closed; in a new process what it shall become."""
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    waking, woken = socket.socketpair()
    for end in (waking, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    with selectors.DefaultSelector() as selector, waking, woken:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _report_deaths(channel)
            if channel in ready:
                request = channel.recv(LARGEST_REQUEST)
                if not request:
                    return None
                birth = msgspec.json.decode(request, type=Birth)
                if _fork(channel, birth):
                    return birth


def _fork(channel: socket.socket, birth: Birth) -> bool:
    """Whether this is the new process."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        _tell(channel, Born(number=birth.number, pid=pid))
        return False
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    die_with_parent(parent, signal.SIGTERM)
    os.setsid()
    return True


def _report_deaths(channel: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _tell(channel, Died(pid=pid, status=os.waitstatus_to_exitcode(status)))


def _tell(channel: socket.socket, news: News) -> None:
    channel.send(msgspec.json.encode(news))


def _become(birth: Birth) -> None:
    """From here on nothing is left of the nursery but its imports."""
    _write_to(birth.log)
    name_process(birth.module.removeprefix("promenade_"))
    os.chdir(birth.cwd)
    os.environ.clear()
    os.environ.update(birth.env)
    time.tzset()
    sys.argv[:] = [birth.module, *birth.arguments]
    runpy.run_module(birth.module, run_name="__main__", alter_sys=True)


def _write_to(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(line_buffering=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
