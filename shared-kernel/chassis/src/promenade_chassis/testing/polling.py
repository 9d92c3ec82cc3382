"""Waiting for something to come true, with a deadline instead of a sleep."""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


def stretched(seconds: float) -> float:
    """The deadline on this machine: PROMENADE_TEST_SCALE=3 gives everything three times as long."""
    return seconds * float(os.environ.get("PROMENADE_TEST_SCALE", "1"))


async def eventually(assertion: Callable[[], T | Awaitable[T]], within: float = 20.0, every: float = 0.02) -> T:
    """Call `assertion`, plain or async, until it raises nothing; returns what it returned.

    After `within` seconds, stretched, the last failure is raised as it is.
    """
    deadline = time.monotonic() + stretched(within)
    while True:
        try:
            result = assertion()
            return await cast(Awaitable[T], result) if inspect.isawaitable(result) else cast(T, result)
        except Exception:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(every)


def eventually_blocking(assertion: Callable[[], T], within: float = 20.0, every: float = 0.02) -> T:
    """`eventually` for a test without an event loop."""
    deadline = time.monotonic() + stretched(within)
    while True:
        try:
            return assertion()
        except Exception:
            if time.monotonic() > deadline:
                raise
        time.sleep(every)
