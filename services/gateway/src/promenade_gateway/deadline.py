"""A time limit that is set on every request and hardly ever reached: setting it costs two comparisons, not a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls `late` when what has to happen within so many seconds has not.

    The one timer rings at the earliest time ever asked for; when the deadline has moved since, it is set again.
    """

    __slots__ = ("_at", "_late", "_loop", "_rings_at", "_timer")

    def __init__(self, late: Callable[[], None], loop: asyncio.AbstractEventLoop) -> None:
        self._late = late
        self._loop = loop
        self._at: float | None = None
        self._rings_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether something is waited for."""
        return self._at is not None

    def within(self, seconds: float) -> None:
        """Wait so long from now on, whatever was set before."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None or at < self._rings_at:
            self._arm(at)

    def clear(self) -> None:
        """It has happened."""
        self._at = None

    def close(self) -> None:
        """Nothing is waited for any more, ever: the timer is given back."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._at > self._loop.time():
            self._arm(self._at)
            return
        self._at = None
        self._late()
