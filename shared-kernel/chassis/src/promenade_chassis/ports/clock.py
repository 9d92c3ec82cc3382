"""Business time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from promenade_chassis.ports.aggregate import utc_now


class Clock(Protocol):
    """What business timers and business dates read; tokens, codes and retries keep real time."""

    def now(self) -> datetime:
        """The present moment of business, aware and in UTC."""
        ...


class RealClock:
    """Business time is real time."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return utc_now()
