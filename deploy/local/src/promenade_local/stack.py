"""The running processes of one home: kept alive, written down, and ended in order."""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from typing import Literal

from promenade_local.children import Children
from promenade_local.home import Home
from promenade_local.logfiles import rotate
from promenade_local.nursery import Nursery, nursery_is_wanted
from promenade_local.plan import Options, Plan
from promenade_local.reports import Step, Tell
from promenade_local.startup import Startup
from promenade_local.state import Incarnation, StackState
from promenade_local.units import Keeper, Unit

ROTATE_EVERY = 5.0


class Stack:
    """All processes of one `promenade up`."""

    def __init__(self, home: Home, options: Options, plan: Plan, tell: Tell) -> None:
        self._home = home
        self._plan = plan
        self._tell = tell
        self._nursery = Nursery(home.root, home.log("nursery")) if nursery_is_wanted() else None
        self._children = Children(self._nursery)
        self._keepers = {unit.name: Keeper(unit, self._children, self) for unit in self._units()}
        self._state = StackState(
            supervisor=Incarnation.of(os.getpid()),
            port=options.port,
            profile=options.profile,
            single=options.single,
            processes=plan.rows,
        )

    async def start(self, within: float) -> None:
        """Return when every process is ready. StackError says what went wrong; `stop` is still to be called then."""
        self.changed()
        await Startup(self._home, self._plan, self._children, self._keepers, self._tell).run(within)
        self._enter("ready")

    async def keep_logs_small(self) -> None:
        """For as long as the stack runs."""
        while True:
            await asyncio.sleep(ROTATE_EVERY)
            for unit in self._units():
                rotate(unit.log)

    async def stop(self) -> None:
        """The gateway first, so that no request is lost, then the services, the engines last."""
        self._enter("stopping")
        for stage in (self._plan.gateway, self._plan.services, self._plan.engines):
            await asyncio.gather(*(self._keepers[unit.name].stop() for unit in stage))
        if self._nursery is not None:
            await self._nursery.close()
        self._home.state.unlink(missing_ok=True)

    def kill(self) -> None:
        """Everything at once, for those who cannot wait."""
        for keeper in self._keepers.values():
            keeper.kill()

    def changed(self) -> None:
        """Write down what is different now."""
        with contextlib.suppress(OSError):  # somebody may have deleted the home under us
            self._state.write(self._home.state)

    def ended(self, name: str, how: str) -> None:
        """Say that a process died."""
        self._tell(Step(name=name, text=f"ended ({how}); starting again"))

    def _enter(self, phase: Literal["ready", "stopping"]) -> None:
        self._state.phase = phase
        self.changed()

    def _units(self) -> Iterable[Unit]:
        return (*self._plan.engines, *self._plan.services, *self._plan.gateway)
