"""Ids of stream entries: `<milliseconds>-<number>`, ascending."""

from __future__ import annotations

from typing import NamedTuple

_LAST_NUMBER = 2**64 - 1


class StreamId(NamedTuple):
    """The id of an entry; compares as Redis compares."""

    milliseconds: int
    number: int

    @staticmethod
    def parse(text: str | bytes) -> StreamId:
        """Read an id as Redis writes it."""
        plain = text.decode() if isinstance(text, bytes) else text
        milliseconds, _, number = plain.partition("-")
        return StreamId(int(milliseconds), int(number or 0))

    def __str__(self) -> str:
        return f"{self.milliseconds}-{self.number}"

    def plus(self, count: int) -> StreamId:
        """The id so many numbers further within the same millisecond."""
        return StreamId(self.milliseconds, self.number + count)

    def before(self) -> StreamId:
        """The greatest id below this one; nothing is below the first."""
        if self.number > 0:
            return StreamId(self.milliseconds, self.number - 1)
        return StreamId(self.milliseconds - 1, _LAST_NUMBER) if self.milliseconds > 0 else self


NOTHING = StreamId(0, 0)
"""The last-generated-id of a stream nothing was ever appended to."""
