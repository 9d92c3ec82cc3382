"""The processes of the stack: what each one is and how it is kept alive."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.launch import Launch

from promenade_local.backoff import Backoff
from promenade_local.child import Child, describe_exit
from promenade_local.children import Children
from promenade_local.state import Row


def _nothing() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One process to be kept running. Usually it is one row of `status`; the whole suite in one process is five."""

    name: str
    rows: tuple[Row, ...]
    command: Callable[[], Launch]
    log: Path
    prepare_restart: Callable[[], None] = _nothing
    stop_within: float = 15.0


class Notify(Protocol):
    """Who wants to know about starts and deaths."""

    def changed(self) -> None:
        """A process id or a count of restarts is different now."""
        ...

    def ended(self, name: str, how: str) -> None:
        """A process died though nobody stopped it; it starts again."""
        ...


class Keeper:
    """Keeps one unit running until told to stop."""

    def __init__(self, unit: Unit, children: Children, notify: Notify) -> None:
        self.unit = unit
        self.last_end: str | None = None
        self._children = children
        self._notify = notify
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self.unit.rows[0].restarts

    def start(self) -> None:
        """Start the process, and again whenever it dies."""
        self._task = asyncio.create_task(self._keep(), name=self.unit.name)

    async def stop(self) -> None:
        """End the process in good order and keep it ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._child is not None:
            await self._child.stop(self.unit.stop_within)
            self._note(None)

    def kill(self) -> None:
        """End the process without mercy and for good; `stop` then has nothing to wait for."""
        if self._task is not None:
            self._task.cancel()
        if self._child is not None:
            self._child.kill()

    async def _keep(self) -> None:
        backoff = Backoff()
        while True:
            began = time.monotonic()
            self.last_end = await self._one_life()
            self._note(None)
            self._notify.ended(self.unit.name, self.last_end)
            await asyncio.sleep(backoff.after_death(alive=time.monotonic() - began))
            self._count_restart()

    async def _one_life(self) -> str:
        try:
            self._child = await self._children.start(self.unit.command(), self.unit.log)
        except (OSError, EngineError) as refused:
            return f"could not start: {refused}"
        self._note(self._child)
        return describe_exit(await asyncio.shield(self._child.exited))

    def _count_restart(self) -> None:
        for row in self.unit.rows:
            row.restarts += 1
        try:
            self.unit.prepare_restart()
        except (OSError, EngineError) as refused:
            self.last_end = str(refused)

    def _note(self, child: Child | None) -> None:
        for row in self.unit.rows:
            row.process = None if child is None else child.incarnation
        self._notify.changed()
