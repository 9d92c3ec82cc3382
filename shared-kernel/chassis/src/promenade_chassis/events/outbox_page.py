"""Some rows of the outbox on their way to the stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promenade_chassis.events.stream_ids import NOTHING, StreamId


@dataclass(frozen=True, slots=True)
class Page:
    """Rows by their numbers, ascending; `first_id` is their first entry on the stream, None before they are there.

    `more`: others were waiting behind them.
    """

    seqs: list[int]
    envelopes: list[bytes]
    first_id: StreamId | None = None
    more: bool = False

    def at(self, first_id: StreamId) -> Page:
        """The same rows, appended from this id on."""
        return replace(self, first_id=first_id)

    def numbers(self) -> str:
        """The rows' numbers as PostgreSQL writes an array; adapting a list to one takes ten times as long."""
        return f"{{{','.join(map(str, self.seqs))}}}"

    @property
    def last_id(self) -> StreamId:
        """The id of the last entry."""
        return self.first_id.plus(len(self.seqs) - 1) if self.first_id else NOTHING


NO_PAGE = Page([], [])


def page_of(rows: Sequence[tuple[int, bytes]], most_rows: int, most_bytes: int) -> Page:
    """As many of the rows, `most_rows` of those that wait, as fit, and at least one."""
    size, fitting = 0, len(rows)
    for place, (_, envelope) in enumerate(rows):
        size += len(envelope)
        if size > most_bytes and place:
            fitting = place
            break
    taken, more = rows[:fitting], fitting < len(rows) or len(rows) >= most_rows
    return Page([seq for seq, _ in taken], [envelope for _, envelope in taken], more=more)
