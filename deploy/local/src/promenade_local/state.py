"""What the supervisor writes down about itself, for every other command to read."""

from pathlib import Path
from typing import Literal

import msgspec
import psutil
from promenade_chassis.embedded.liveness import lives

from promenade_local.home import write_private

# The clock by which the kernel notes a process' start ticks 100 times a second.
SAME_START = 0.05


class Incarnation(msgspec.Struct, frozen=True):
    """One process for certain: a pid is used again, a pid with its start time is not."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Incarnation":
        """The process that has this pid now. Raises psutil.NoSuchProcess."""
        return cls(pid=pid, started=psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, when it still lives."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < SAME_START
            return found if same and lives(found) else None
        except psutil.NoSuchProcess:
            return None


class Row(msgspec.Struct):
    """One of the seven names, as the supervisor knows it. In the one-process stack five share a process."""

    name: str
    port: int
    process: Incarnation | None = None
    restarts: int = 0


class StackState(msgspec.Struct):
    """The whole stack of one home."""

    supervisor: Incarnation
    port: int
    profile: str
    single: bool
    phase: Literal["starting", "ready", "stopping"] = "starting"
    processes: list[Row] = []

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        write_private(path, msgspec.json.encode(self).decode(), durable=False)

    @classmethod
    def read(cls, path: Path) -> "StackState | None":
        """What was written last, by a supervisor that may be dead by now; None when there is nothing to read."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


def running_stack(path: Path) -> StackState | None:
    """The state of a stack whose supervisor lives; None when nothing runs."""
    state = StackState.read(path)
    return state if state is not None and state.supervisor.process() is not None else None
