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
    async def answers(self) -> AsyncGenerator[None, None]:
        """What happens inside takes at least so long."""
        until = time.monotonic() + self._seconds
        try:
            yield
        finally:
            await asyncio.sleep(until - time.monotonic())

    @asynccontextmanager
    async def refusals(self) -> AsyncGenerator[None, None]:
        """As `answers`, when it ends in an error."""
        until = time.monotonic() + self._seconds
        try:
            yield
        except Exception:
            await asyncio.sleep(until - time.monotonic())
            raise
