"""A stack of dummies under a home of its own, driven through the command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.ports import lent_port
from promenade_local.home import Home
from promenade_local.status import ProcessStatus, current_status

ROOM = 15  # a stack's processes and their admin ports


@dataclass(frozen=True)
class StackUnderTest:
    """One home, one gateway port, and the dummies instead of the applications."""

    home: Path
    dummies: Path
    port: int
    nursery: str = "off"  # importing what dummies do not need would be most of a start

    @classmethod
    def in_folder(cls, folder: Path, dummies: Path, nursery: str = "off") -> "StackUnderTest":
        """A stack whose home is still to be made; every path has a space."""
        return cls(home=folder / "the home", dummies=dummies, port=lent_port(ROOM), nursery=nursery)

    def run(self, *arguments: str, **moods: str) -> subprocess.CompletedProcess[str]:
        """Run `promenade …` to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment(**moods),
            cwd=self.dummies,
            capture_output=True,
            text=True,
            timeout=stretched(120),
            check=False,
        )

    def up(self, *arguments: str, **moods: str) -> subprocess.CompletedProcess[str]:
        """`promenade up --detach` on this stack's port."""
        return self.run("up", "--detach", "--port", str(self.port), *arguments, **moods)

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "promenade_local", *arguments]

    def environment(self, **moods: str) -> dict[str, str]:
        """Dummies first on the path; `identity="dies"` tells that dummy to."""
        nursery = {"PROMENADE_NURSERY": self.nursery}
        told = {f"DUMMY_{name.upper()}": mood for name, mood in moods.items()}
        return {**os.environ, "PYTHONPATH": str(self.dummies), "PROMENADE_HOME": str(self.home), **told, **nursery}

    def rows(self) -> dict[str, ProcessStatus]:
        """What `status` prints, by name."""
        return {row.name: row for row in current_status(Home(self.home)).processes}

    def supervisor(self) -> psutil.Process:
        """The supervisor's process."""
        return psutil.Process(json.loads((self.home / "state.json").read_text())["supervisor"]["pid"])

    def processes(self) -> list[psutil.Process]:
        """All living processes that have this home in their environment or arguments; for the root of a machine."""
        found = (process for process in psutil.process_iter() if process.pid != os.getpid())
        return [process for process in found if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            mentions = [*process.cmdline(), process.environ().get("PROMENADE_HOME", ""), process.cwd()]
            return process.status() != psutil.STATUS_ZOMBIE and any(str(self.home) in text for text in mentions)
        except psutil.Error:
            return False
