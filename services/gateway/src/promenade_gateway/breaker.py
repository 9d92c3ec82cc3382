"""A circuit breaker: a service that does not take connections is left alone for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` failed connects in a row; after `pause` seconds one request at a time may try again."""

    def __init__(self, *, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = failures
        self._pause = pause
        self._clock = clock
        self._failed = 0
        self._try_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether requests are kept away at this moment."""
        return self._failed >= self._allowed and self._clock() < self._try_at

    def take(self) -> bool:
        """Whether a request may go; the first one after the pause holds the others back until it has an outcome."""
        if self._failed < self._allowed:
            return True
        if self._clock() < self._try_at:
            return False
        self._try_at = self._clock() + self._pause
        return True

    def succeeded(self) -> None:
        """The service took the connection."""
        self._failed = 0

    def failed(self) -> None:
        """It did not."""
        self._failed += 1
        if self._failed >= self._allowed:
            self._try_at = self._clock() + self._pause
