"""The parent of a crew alone: who its children are, what it makes of their ends, and of what is not theirs."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from typing import Protocol

import psutil
import pytest
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port
from promenade_gateway.listener import reserved

BEGIN = """
import os, select, signal, sys, time
import promenade_gateway.crew as crew
crew.PAUSE_SECONDS = 0.01

def begun(number):
    os.write(1, b"begun\\n")  # in one piece, for both write at the same time

def fails(number, lifeline):
    begun(number)
    return 3

def starts_slowly(number, lifeline):
    begun(number)
    select.select([lifeline], [], [])

def ignores_sigterm(number, lifeline):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    many = bytearray(200 * 2**20)
    many[::4096] = many[::4096].replace(b"\\0", b"x")  # so many pages take a moment to give back
    begun(number)
    select.select([lifeline], [], [])
"""


class Begin(Protocol):
    """Starts a parent of two that do this work, and what else it does before."""

    async def __call__(self, work: str, *, patience: float = 5, before: str = "") -> asyncio.subprocess.Process: ...


@pytest.fixture
async def begin() -> AsyncGenerator[Begin, None]:
    """None of them stays."""
    begun: list[asyncio.subprocess.Process] = []

    async def parent_of(work: str, *, patience: float = 5, before: str = "") -> asyncio.subprocess.Process:
        run = f"sys.exit(crew.Crew(2, {work}, patience={patience}).run())"
        command = [sys.executable, "-c", f"{BEGIN}\n{before}\n{run}"]
        begun.append(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
        return begun[-1]

    yield parent_of
    for parent in begun:
        if parent.returncode is None:
            parent.kill()
        await parent.communicate()


async def both_begun(parent: asyncio.subprocess.Process) -> None:
    """Each has said so."""
    assert parent.stdout is not None
    async with asyncio.timeout(stretched(30)):
        for _ in range(2):
            assert (await parent.stdout.readline()).startswith(b"begun")


async def end_of(parent: asyncio.subprocess.Process) -> bytes:
    """What it has said by then."""
    async with asyncio.timeout(stretched(30)):
        said, _ = await parent.communicate()
    return said


async def test_processes_that_cannot_start_are_not_begun_for_ever(begin: Begin) -> None:
    """Whoever started the parent is told."""
    parent = await begin("fails")

    said = await end_of(parent)

    assert parent.returncode == 1
    assert 5 <= said.count(b"begun") <= 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "sigint"])
async def test_who_is_told_to_end_while_it_starts_ends_well(begin: Begin, number: signal.Signals) -> None:
    """Its processes are not far enough to do so in order, which is nobody's failure."""
    parent = await begin("starts_slowly")
    await both_begun(parent)

    parent.send_signal(number)
    await end_of(parent)

    assert parent.returncode == 0


async def test_an_end_that_is_not_its_childrens_is_none_of_its_business(begin: Begin) -> None:
    """The first process of a container inherits what others leave behind."""
    parent = await begin("starts_slowly", before="if os.fork() == 0:\n    time.sleep(0.3)\n    os._exit(0)")
    await both_begun(parent)
    await eventually(lambda: _has_two_children(parent.pid))

    parent.send_signal(signal.SIGTERM)
    await end_of(parent)

    assert parent.returncode == 0


def _has_two_children(pid: int) -> None:
    """All others have ended and were taken note of."""
    assert len(psutil.Process(pid).children()) == 2


async def test_who_does_not_end_is_killed_once(begin: Begin) -> None:
    """While the system takes back what it had, it is neither killed nor told of again and again."""
    parent = await begin("ignores_sigterm", patience=1)
    await both_begun(parent)

    parent.send_signal(signal.SIGTERM)
    said = await end_of(parent)

    assert parent.returncode == signal.SIGKILL
    assert said.count(b"process.cut-off") == 1


def test_ended_connections_do_not_keep_a_port() -> None:
    """Those of a gateway of one process, which were closed here first, are remembered by the system for a minute."""
    port = lent_port()
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", port))
        door.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            door.accept()[0].close()
            assert client.recv(1) == b""

    (keeper,) = reserved("127.0.0.1", port)

    assert keeper.getsockname() == ("127.0.0.1", port)
    keeper.close()


def test_a_stranger_cannot_listen_on_a_port_that_is_kept() -> None:
    """Also one that would not mind others."""
    port = lent_port()
    (keeper,) = reserved("127.0.0.1", port)

    with keeper, socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            _listen(stranger, port)


def _listen(door: socket.socket, port: int) -> None:
    door.bind(("127.0.0.1", port))
    door.listen()
