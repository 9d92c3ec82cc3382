"""When a dead process starts again."""

FIRST = 0.2
LONGEST = 2.0
CALM = 5.0


class Backoff:
    """At once, then after 0.2 s doubling to 2 s; 5 s alive begins anew."""

    def __init__(self) -> None:
        self._next = 0.0

    def after_death(self, alive: float) -> float:
        """Seconds to wait before the next start of a process that lived `alive` seconds."""
        if alive >= CALM:
            self._next = 0.0
        delay = self._next
        self._next = min(max(delay * 2, FIRST), LONGEST)
        return delay
