"""A running stack, as the end-to-end tests see it: the one that `promenade up` makes, on a home of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from mourner import mourned
from prepared_home import prepare_home
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.ports import lent_port
from promenade_local.down import stop_stack
from promenade_local.home import Home
from promenade_local.mails import read_mails
from promenade_local.state import Row, StackState
from promenade_local.story import Listener, Scene

ROOM = 20  # a stack's processes, their admin ports, and what a test starts beside them


@dataclass(frozen=True)
class Stack:
    """A running stack: its home and its gateway."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def promenade(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "promenade_local", *arguments],
            env={**os.environ, "PROMENADE_HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=stretched(120),
        )

    def processes(self) -> dict[str, dict[str, Any]]:
        answer = self.promenade("status", "--json")
        return {row["name"]: row for row in json.loads(answer.stdout)["processes"]}

    def rows(self) -> dict[str, Row]:
        """What the supervisor has written down; quicker than asking `promenade status`, which asks them all."""
        state = StackState.read(self.home / "state.json")
        return {row.name: row for row in state.processes} if state else {}

    def pid(self, name: str) -> int:
        """Whose process it is at this moment."""
        process = self.rows()[name].process
        assert process is not None
        return process.pid

    def alive(self, name: str) -> int | None:
        """Its pid, unless it is being started again."""
        row = self.rows().get(name)
        return row.process.pid if row and row.process and row.process.process() else None

    def restarts(self) -> dict[str, int]:
        """How often each was started again."""
        return {name: row.restarts for name, row in self.rows().items()}

    def scene(self, listener: Listener, within: float | None = None) -> Scene:
        admin = json.loads((self.home / "credentials.json").read_text(encoding="utf-8"))
        return Scene(
            url=self.url,
            admin_email=admin["email"],
            admin_password=admin["password"],
            read_code=self.read_code,
            listener=listener,
            within=within or stretched(30),
        )

    async def read_code(self, address: str) -> str | None:
        mails = await asyncio.to_thread(read_mails, self.home / "mail")
        return next((mail.text for mail in reversed(mails) if address in mail.to), None)


class Silence:
    """Listens to the story and says nothing."""

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        pass

    def verified(self, text: str) -> None:
        pass


@contextmanager
def running_stack(*options: str) -> Generator[Stack, None, None]:
    """A stack with nothing in it. It ends with the block, or with this process."""
    stack = Stack(Path(mkdtemp(prefix="promenade-e2e-")), lent_port(ROOM))
    with mourned(stack.home, stack.home):
        try:
            if os.geteuid() == 0:
                stack.home.chmod(0o711)  # the engines' user may pass through to their data
            prepare_home(stack.home)
            up = stack.promenade("up", "--detach", "--port", str(stack.port), *options)
            assert up.returncode == 0, up.stdout + up.stderr
            yield stack
        finally:
            stop_stack(Home(stack.home))  # as `promenade down` does
            remove_data(stack.home)
            shutil.rmtree(stack.home, ignore_errors=True)
