"""Programs that serve while they are measured: started on a free port, awaited, their CPU read, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from measure import PeerMissing
from promenade_chassis.embedded.network import is_free

START_WITHIN = 30.0
PEERS = Path(__file__).parent / "peers"
_ALSO = (str(Path(sys.executable).parent), "/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Served:
    """A program that listens on a port of its own."""

    port: int
    process: psutil.Process
    profiled: bool = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Profile what it does in the block, where it was started so."""
        if self.profiled:
            self.process.send_signal(signal.SIGUSR1)
        yield
        if self.profiled:
            self.process.send_signal(signal.SIGUSR2)
            time.sleep(1.0)  # it writes the profile

    def cpu(self) -> float:
        """Seconds of CPU that it and its children have used."""
        times = [each.cpu_times() for each in (self.process, *self.process.children(recursive=True))]
        return sum(each.user + each.system for each in times)


def free_port(room: int = 1) -> int:
    """A port with `room` behind it, below the range from which outgoing connections are given theirs."""
    while True:
        port = random.randrange(12_000, 31_000, 20)
        if all(is_free(port + offset) for offset in range(room)):
            return port


def program(name: str, comes_from: str) -> str:
    """Where a program is; raises `PeerMissing`, saying where to get it."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_ALSO)))
    if found is None:
        raise PeerMissing(f"{name} is not installed ({comes_from})")
    return found


def written(peer: str, folder: Path, **values: object) -> Path:
    """The committed configuration `peers/<peer>` with its @PLACES@ filled in, as a file of `folder`."""
    text = (PEERS / peer).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    path = folder / Path(peer).name
    path.write_text(text.replace("@FOLDER@", str(folder)), encoding="utf-8")
    return path


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    folder: Path,
    *,
    name: str,
    env: Mapping[str, str] | None = None,
    ready: str = "/",
    answers: int = 200,
) -> Iterator[Served]:
    """The program for the length of the block, from when GET `ready` is answered with the status `answers`.

    What it says goes into a file of `folder`.
    """
    log = folder / f"{name}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, cwd=folder, stdout=said, stderr=said, start_new_session=True
        )
    try:
        _wait_for(process, f"http://127.0.0.1:{port}{ready}", answers, log)
        yield Served(port, psutil.Process(process.pid))
    finally:
        _stop(process)


def _wait_for(process: subprocess.Popen[bytes], url: str, answers: int, log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN
    while _status_of(url) != answers:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{log.stem} does not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _status_of(url: str) -> int | None:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=2, trust_env=False).status_code
    return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
