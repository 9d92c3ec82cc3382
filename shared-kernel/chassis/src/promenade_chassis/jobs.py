"""Background jobs of a worker: repeated work that survives its own failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from promenade_chassis.telemetry.spans import Tracer, occasion, tracer_of

log = structlog.get_logger(__name__)

MAX_PAUSE_SECONDS = 30.0


class Job:
    """Runs `work` every `every` seconds, at once after `wake()`, and again at once while it answers True (more to do).

    A failure is logged and followed by a growing pause; it never ends the job. Several replicas may run the same
    job: `work` must take its rows with FOR UPDATE SKIP LOCKED.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[bool]], *, every: float) -> None:
        self.name = name
        self._work = work
        self._every = every
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Run soon; safe to call at any time."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event, context: str = "") -> None:
        """Run until `stopping` is set; the piece of work in hand is finished first. `context` is whose job it is."""
        tracer = tracer_of(context)
        failures = 0
        while not stopping.is_set():
            self._woken.clear()
            try:
                more = await (self._work() if tracer is None else self._traced(tracer))
                failures = 0
            except Exception as error:  # a job must outlive whatever its work raises
                failures += 1
                more = False
                log.error("job.failed", job=self.name, error=type(error).__name__, exc_info=error)
            if not more:
                await self._pause(
                    stopping, min(self._every * 2**failures, MAX_PAUSE_SECONDS) if failures else self._every
                )

    async def _traced(self, tracer: Tracer) -> bool:
        """A run that finds nothing to do leaves no trace: there are some every second."""
        with occasion(tracer, f"job {self.name}") as run:
            more = await self._work()
            if more:
                run.matters()
            return more

    async def _pause(self, stopping: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(stopping.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
