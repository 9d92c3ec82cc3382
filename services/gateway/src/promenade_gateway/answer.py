"""An answer on its way to the client: its head, and its body in the framing that fits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol

RawPairs = Sequence[tuple[bytes, bytes]]

_NONE: Mapping[bytes, bytes] = {}
_BODILESS = frozenset({204, 304})
_END_OF_CHUNKS = b"0\r\n\r\n"


class Outlet(Protocol):
    """The connection the answer goes out on."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        ...

    def abort(self) -> None:
        """Break the connection."""
        ...

    async def drain(self) -> None:
        """Wait until the client has read enough of what was sent."""
        ...


class Answer:
    """One answer to one request.

    With a Content-Length the body is sent as it is, without one in chunks, and to a client of HTTP/1.0 until the
    connection closes. `closing` says that the connection ends with this answer.
    """

    __slots__ = ("_chunked", "_head", "_head_only", "_left", "_modern", "_outlet", "closing", "finished", "started")

    def __init__(self, outlet: Outlet, *, head_only: bool, modern: bool, closing: bool) -> None:
        self._outlet = outlet
        self._head_only = head_only
        self._modern = modern
        self._chunked = False
        self._left: int | None = None
        self._head = b""
        self.closing = closing
        self.started = False
        self.finished = False

    def begin(self, status: int, headers: RawPairs, ours: Mapping[bytes, bytes] = _NONE) -> None:
        """Make the head; it goes out with the first piece of the body, or with `flush`.

        `ours` replace what stands in `headers` under the same names, only Vary is added to.
        """
        lines = [_status_line(status)]
        length = None
        for name, value in headers:
            if name in ours and name != b"vary":
                continue
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                self.closing = self.closing or value == b"close"
                continue
            lines.append(name + b": " + value)
        lines += [name + b": " + value for name, value in ours.items()]
        self._frame(status, length, lines)
        if self.closing:
            lines.append(b"connection: close")
        lines.append(_date_line(int(time.time())))
        head = b"\r\n".join(lines)
        # One line each, or somebody's text would become somebody else's header.
        if head.count(b"\n") != len(lines) - 1:
            raise ValueError("a header of the answer holds a line break")
        self._head = head + b"\r\n\r\n"
        self.started = True

    def write(self, piece: bytes) -> None:
        """Send a piece of the body, after the head."""
        if self._left is not None and not self._head_only:
            self._left -= len(piece)
            if self._left < 0:
                raise ValueError("the body is longer than its Content-Length says")
        self._send(self._framed(piece))

    def end(self, piece: bytes = b"") -> None:
        """Send the last piece of the body."""
        self.finished = True
        if self._left is not None and not self._head_only and len(piece) != self._left:
            self._outlet.abort()  # a client must not take half an answer for the whole
            return
        data = self._framed(piece)
        self._send(data + _END_OF_CHUNKS if self._chunked else data)

    def flush(self) -> None:
        """Send the head, while the body is still to come."""
        self._send(b"")

    async def drain(self) -> None:
        """Wait until the client has read enough of what was sent."""
        await self._outlet.drain()

    def abort(self) -> None:
        """Break the connection."""
        self._outlet.abort()

    def _frame(self, status: int, length: int | None, lines: list[bytes]) -> None:
        if self._head_only or status in _BODILESS:
            self._head_only = True
        elif length is not None:
            self._left = length
        elif self._modern:
            self._chunked = True
            lines.append(b"transfer-encoding: chunked")
        else:
            self.closing = True

    def _framed(self, piece: bytes) -> bytes:
        if self._head_only or not piece:
            return b""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece

    def _send(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        if data:
            self._outlet.write(data)


@lru_cache(maxsize=1000)
def _status_line(status: int) -> bytes:
    try:
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
    except ValueError:
        return f"HTTP/1.1 {status} ".encode()


@lru_cache(maxsize=1)
def _date_line(second: int) -> bytes:
    return b"date: " + formatdate(second, usegmt=True).encode()
