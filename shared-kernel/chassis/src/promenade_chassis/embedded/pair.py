"""Both engines together, started and stopped by this process: what tests and tools stand on."""

import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.launch import kill_session, spawn, stop
from promenade_chassis.embedded.network import any_free_port
from promenade_chassis.embedded.postgres import PostgresEngine
from promenade_chassis.embedded.valkey import ValkeyEngine

Name = Literal["postgres", "valkey"]
NAMES: tuple[Name, ...] = ("postgres", "valkey")
PATIENCE = 30.0


class EnginePair:
    """PostgreSQL and Valkey under one home, each on a free port that it keeps over restarts."""

    def __init__(self, home: Path, *, durable: bool = False, valkey_durable: bool = False) -> None:
        self.postgres = PostgresEngine(home, any_free_port(), durable=durable)
        self.valkey = ValkeyEngine(home, any_free_port(), durable=durable or valkey_durable)
        self.home = home
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> Mapping[str, int]:
        """The process ids of what runs, by name."""
        return {name: process.pid for name, process in self._running.items()}

    def start(self, names: Sequence[Name] = NAMES) -> None:
        """Start these, both unless told otherwise, and wait until they answer."""
        for name in names:
            self._engine(name).initialise()
            self._spawn(name)
        for name in names:
            self._wait(name, may_move=True)

    def restart(self, name: Name, *, kill: bool = False) -> None:
        """End one engine, in good order or with kill -9, and start it on the same port and data."""
        if kill:
            self.kill(name)
        else:
            self._end(name)
        self.begin(name)

    def kill(self, name: Name) -> None:
        """kill -9 to one engine; it stays away until `begin`."""
        process = self._running.pop(name)
        kill_session(process.pid)
        process.wait()

    def begin(self, name: Name) -> None:
        """Start one engine again on the same port and data and wait until it answers."""
        self._engine(name).prepare_restart()
        self._spawn(name)
        self._wait(name, may_move=False)

    def stop(self) -> None:
        """End what runs, PostgreSQL with its fast shutdown."""
        for name in reversed(NAMES):
            if name in self._running:
                self._end(name)

    def _engine(self, name: Name) -> PostgresEngine | ValkeyEngine:
        return self.postgres if name == "postgres" else self.valkey

    def _spawn(self, name: Name) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self._running[name] = spawn(self._engine(name).command(), log)

    def _wait(self, name: Name, *, may_move: bool) -> None:
        """Until it answers. One that ended instead is started again: after a crash its last children
        hold its memory for a moment, and a port may have been taken since it was free."""
        engine = self._engine(name)
        deadline = time.monotonic() + PATIENCE
        while not engine.ready():
            if time.monotonic() > deadline:
                raise EngineError(f"{name} does not start, see {self.home / f'{name}.log'}")
            time.sleep(0.02)
            if self._running[name].poll() is not None:
                engine.port = any_free_port() if may_move else engine.port
                engine.prepare_restart()
                self._spawn(name)

    def _end(self, name: Name) -> None:
        process = self._running.pop(name)
        stop(process, self._engine(name).command().stop_signal, within=20)


@contextmanager
def running_engines(
    home: Path, *, durable: bool = False, valkey_durable: bool = False, names: Sequence[Name] = NAMES
) -> Generator[EnginePair]:
    """Both engines, or those named, for the length of a with block."""
    pair = EnginePair(home, durable=durable, valkey_durable=valkey_durable)
    try:
        pair.start(names)
        yield pair
    finally:
        pair.stop()
