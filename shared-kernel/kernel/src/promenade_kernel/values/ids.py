"""Identifiers: UUID version 7 of RFC 9562, ascending in the order they were made in this process.

`uuid6` moves its clock on by a millisecond for every id of the same one, so that a burst of ten thousand is ten seconds
ahead of the time, and of every other process. The generator here stays in its millisecond.
"""

import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from uuid import UUID, SafeUUID

from promenade_kernel.values.errors import InvalidValue

_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAIL_BITS = 74
# The top bit of a fresh tail stays clear: room for the steps of one millisecond.
_FRESH_TAIL = (1 << (_TAIL_BITS - 1)) - 1
_RAND_B = (1 << 62) - 1
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_STEPS = struct.Struct(">1024I")

_create = object.__new__
# UUID forbids setting attributes; its own __init__, which may, costs more than all the rest here.
_set = object.__setattr__
_unknown = SafeUUID.unknown


class _Generator:
    """Method 2 of RFC 9562 6.2: within one millisecond the random tail grows by a random step."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._tail = 0
        self._steps: Iterator[int] = iter(())

    def next(self) -> UUID:
        made = _create(UUID)
        _set(made, "int", self.number())
        _set(made, "is_safe", _unknown)
        return made

    def number(self) -> int:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin(now)
            else:
                # Also when the clock was set back: ids never go back.
                self._tail += 1 + (next(self._steps, None) or self._refill())
                if self._tail >> _TAIL_BITS:
                    self._begin(self._millisecond + 1)
            millisecond, tail = self._millisecond, self._tail
        return (millisecond << 80) | (tail >> 62 << 64) | (tail & _RAND_B) | _VERSION_AND_VARIANT

    def _begin(self, millisecond: int) -> None:
        self._millisecond = millisecond
        self._tail = int.from_bytes(os.urandom(10), "big") & _FRESH_TAIL

    def _refill(self) -> int:
        # The system's entropy by the page: a call for each id would cost as much as the rest.
        self._steps = iter(_STEPS.unpack(os.urandom(_STEPS.size)))
        return next(self._steps)


_generator = _Generator()


def _restart() -> None:
    # A forked child must not repeat its parent's entropy.
    global _generator
    _generator = _Generator()


os.register_at_fork(after_in_child=_restart)


def new_id() -> UUID:
    """Make a new id; greater than every id made before in this process."""
    return _generator.next()


def new_id_text() -> str:
    """The same in its canonical form, for who needs no more."""
    digits = f"{_generator.number():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# Where events are made it is called so; ids of both come from one sequence.
new_event_id = new_id


def parse_id(text: str) -> UUID:
    """Read an id in its canonical form (`8-4-4-4-12` hexadecimal digits); anything else is `invalid-id`."""
    if not _CANONICAL.fullmatch(text):
        raise InvalidValue("invalid-id", "An id is a UUID in its canonical form with hyphens.")
    return UUID(text)
