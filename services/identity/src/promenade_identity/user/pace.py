"""Answers that take the same time whatever they found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class SteadyPace:
    """Nothing is answered before `seconds` have passed: longer than any of the ways takes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    @asynccontextmanager
    async def answers(self) -> AsyncGenerator[SteadyBeat, None]:
        """What happens inside takes at least so long."""
        beat = SteadyBeat(self._seconds)
        try:
            yield beat
        finally:
            await beat.end()

    @asynccontextmanager
    async def refusals(self) -> AsyncGenerator[SteadyBeat, None]:
        """As `answers`, when it ends in an error."""
        beat = SteadyBeat(self._seconds)
        try:
            yield beat
        except Exception:
            await beat.end()
            raise


class SteadyBeat:
    """The moment before which one answer is not given."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def restart(self) -> None:
        """Hide what comes now for half of the time at least.

        When many sign in at once their passwords wait for each other, longer than the whole time; without this, what
        follows would then show. On an idle machine it changes nothing: the hash takes less than the other half.
        """
        self._until = max(self._until, time.monotonic() + self._seconds / 2)

    async def end(self) -> None:
        """Wait for the moment."""
        await asyncio.sleep(self._until - time.monotonic())
