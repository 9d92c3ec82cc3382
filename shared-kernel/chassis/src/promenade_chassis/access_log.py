"""One line a request. Written without the processors of other lines: those cost eight times as much.

What is in it is chosen here: no path, query, header or body, for these may hold what a log must not.
"""

from __future__ import annotations

import asyncio
import atexit
import select
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog

log = structlog.get_logger("promenade.access")

EVENT = "request.handled"
LINES_SECONDS, MOST_LINES = 0.01, 500
Line = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def _through_structlog(line: Line) -> None:
    log.info(EVENT, **line)


def _say_nothing(line: Line) -> None:
    del line


class _Writer:
    """The form that the JSON renderer gives other lines.

    In an event loop lines are written a hundredth of a second's worth at a time: the system call for one takes as long
    as a tenth of the gateway's whole work on a request. A process that is killed loses those.
    """

    def __init__(self, service: str, stream: TextIO) -> None:
        self._head = _encode({"event": EVENT, "level": "info", "service": service})[:-1] + b","
        self._stream = stream
        self._lines: list[bytes] = []
        self._awaited: asyncio.AbstractEventLoop | None = None  # which will flush them

    def __call__(self, line: Line) -> None:
        said = _encode({"timestamp": datetime.now(UTC), **line})
        self._lines.append(self._head + said[1:])  # one object: the first part is the same for all
        loop = asyncio._get_running_loop()  # pyright: ignore[reportPrivateUsage]  # get_running_loop() that may be None
        if loop is None or len(self._lines) >= MOST_LINES:
            self.flush()
        elif loop is not self._awaited:
            self._awaited = loop
            loop.call_later(LINES_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines, self._awaited = self._lines, [], None
        if not lines:
            return
        # A full disk or a reader that is gone costs lines, not the connections of those who are told of.
        with suppress(OSError):
            for piece in _pieces(lines):
                self._stream.write(piece.decode())
                self._stream.flush()


def _pieces(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Whole lines, as many as a pipe takes in one go: processes that share it do not write into each other's."""
    piece = bytearray()
    for line in lines:
        if piece and len(piece) + len(line) >= select.PIPE_BUF:
            yield bytes(piece)
            piece.clear()
        piece += line
        piece += b"\n"
    yield bytes(piece)


_write: Callable[[Line], None] = _through_structlog


def log_request(line: Line) -> None:
    """Write the line of one request."""
    _write(line)


def write_requests_to(stream: TextIO | None, *, service: str, wanted: bool = True) -> None:
    """As JSON to a stream; None hands them to structlog, and unwanted ones are not written at all."""
    global _write
    flush_requests()
    through = _through_structlog if stream is None else _Writer(service, stream)
    _write = through if wanted else _say_nothing


@atexit.register
def flush_requests() -> None:
    """Write the lines that wait; the end of the process does it."""
    if isinstance(_write, _Writer):
        _write.flush()


def milliseconds(seconds: float) -> float:
    """As lines tell durations."""
    return int(seconds * 10_000 + 0.5) / 10  # round() to one digit takes five times as long
