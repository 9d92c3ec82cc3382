"""Identifiers: UUID version 7 of RFC 9562, ascending in the order they were made in this process."""

import os
import re
import threading
import time
from uuid import UUID, SafeUUID

from promenade_kernel.values.errors import InvalidValue

_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TAIL_BITS = 74
# The top bit of a fresh tail stays clear: room for the steps of one millisecond.
_FRESH_TAIL = (1 << (_TAIL_BITS - 1)) - 1
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RAND_B = (1 << 62) - 1
_CHUNK = 4096

_create = object.__new__
# UUID forbids setting attributes; its own __init__, which may, costs more than all the rest here.
_set = object.__setattr__


class _Generator:
    """Method 2 of RFC 9562 6.2: within one millisecond the random tail grows by a random step."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._millisecond = 0
        self._tail = 0
        self._entropy = b""
        self._position = 0

    def next(self) -> UUID:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._millisecond = now
                self._tail = self._random(10) & _FRESH_TAIL
            else:
                # Also when the clock was set back: ids never do.
                self._tail += 1 + self._random(4)
                if self._tail >> _TAIL_BITS:
                    self._millisecond += 1
                    self._tail = self._random(10) & _FRESH_TAIL
            millisecond, tail = self._millisecond, self._tail
        number = (millisecond << 80) | ((tail >> 62) << 64) | (tail & _RAND_B) | _VERSION_AND_VARIANT
        made = _create(UUID)
        _set(made, "int", number)
        _set(made, "is_safe", SafeUUID.unknown)
        return made

    def _random(self, size: int) -> int:
        end = self._position + size
        if end > len(self._entropy):
            self._entropy = os.urandom(_CHUNK)
            end = size
        taken = self._entropy[end - size : end]
        self._position = end
        return int.from_bytes(taken, "big")


_generator = _Generator()


def _restart() -> None:
    # A forked child must not repeat its parent's entropy.
    global _generator
    _generator = _Generator()


os.register_at_fork(after_in_child=_restart)


def new_id() -> UUID:
    """Make a new id; greater than every id this process made before."""
    return _generator.next()


def parse_id(text: str) -> UUID:
    """Read an id in its canonical form (`8-4-4-4-12` hexadecimal digits); anything else is `invalid-id`."""
    if not _CANONICAL.fullmatch(text):
        raise InvalidValue("invalid-id", "An id is a UUID in its canonical form with hyphens.")
    return UUID(text)
