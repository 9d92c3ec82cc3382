"""One keep-alive connection to a service: a request goes out, its answer comes back as a stream."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Any

import httptools

from promenade_gateway.deadline import Deadline

MAX_ANSWER_HEADER = 32 * 1024
MAX_ANSWER_HEADERS = 200
# So much of an answer may wait here for a client that reads slowly, before the service is held up.
WAITING_BYTES = 128 * 1024


class Dropped(Exception):
    """The connection ended before an answer began; whether the service acted is unknown."""


class BrokenOff(Exception):
    """The answer had begun and will not come to its end."""


class Reply:
    """The answer of a service: status and headers are there, the body comes in pieces."""

    __slots__ = ("_pieces", "_wait", "_waiting", "_wire", "failure", "headers", "is_complete", "status")

    def __init__(self, wire: UpstreamWire, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.headers = headers
        self.is_complete = False  # all of it has come; it may not have been taken yet
        self.failure: Exception | None = None
        self._wire = wire
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._wait: asyncio.Future[None] | None = None

    def take(self) -> bytes:
        """What has come by now; raises `BrokenOff` when no more will come and this was not all."""
        pieces = self._pieces
        if not pieces:
            if self.failure is not None:
                raise self.failure
            return b""
        self._pieces, self._waiting = [], 0
        self._wire.resume_reading()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def more(self, seconds: float) -> bytes:
        """The next piece, within so many seconds; empty at the end. Raises `BrokenOff`."""
        if not self._pieces and not self.is_complete and self.failure is None:
            self._wait = asyncio.get_running_loop().create_future()
            self._wire.deadline.within(seconds)
            await self._wait
        return self.take()

    def feed(self, piece: bytes) -> None:
        """A piece has come."""
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > WAITING_BYTES:
            self._wire.pause_reading()
        self.wake()

    def wake(self) -> None:
        """Go on, whoever waits."""
        if self._wait is not None and not self._wait.done():
            self._wire.deadline.clear()
            self._wait.set_result(None)


class UpstreamWire(asyncio.Protocol):
    """Speaks HTTP/1.1 with one replica, one request at a time. `is_idle` says that it can be asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, when_lost: Callable[[UpstreamWire], None]) -> None:
        self.loop = loop
        self._when_lost = when_lost
        self.deadline = Deadline(self._late, loop)
        self.sending: asyncio.Task[None] | None = None  # sends a body that has not come yet
        self.is_idle = True
        self.is_open = False
        self._transport: Any = None  # uvloop's are no subclass of asyncio's
        self._arrivals: select.poll | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._is_used_up = False
        self._is_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._head: asyncio.Future[Reply] | None = None
        self._head_bytes = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._is_bodiless = False
        self._ends_with_connection = False
        self._is_interim = False
        self._keeps_alive = False
        self._reply: Reply | None = None

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read, which the event loop may not have come to: it would answer the next one."""
        if self._arrivals is None:
            self._arrivals = select.poll()
            self._arrivals.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._arrivals.poll(0)

    def ask(self, request: bytes, *, is_head: bool) -> asyncio.Future[Reply]:
        """Send a request, or its head; the answer's head comes, or `Dropped`."""
        self.is_idle = False
        self.deadline.clear()
        if self._is_used_up:
            self._parser, self._is_used_up = httptools.HttpResponseParser(self), False
        self._is_bodiless = is_head
        self._reply = None
        self._head_bytes = 0
        self._head = self.loop.create_future()
        self.write(request)
        return self._head

    def write(self, data: bytes) -> None:
        """Send bytes as they are; where the connection has ended, whoever waits for the answer hears of it."""
        if self.is_open:
            self._transport.write(data)

    async def drain(self, seconds: float) -> None:
        """Wait until the service has read, within so many seconds; raises `Dropped`."""
        if self._writable is not None:
            self.deadline.within(seconds)
            await self._writable
            self.deadline.clear()
        if not self.is_open:
            raise Dropped("the connection has ended")

    def sent(self, seconds: float) -> None:
        """The request is out: the answer has to begin within so many seconds."""
        if self._reply is None:
            self.deadline.within(seconds)

    def fail(self, error: Exception) -> None:
        """Give up: whoever waits for the answer is told why, and the connection ends."""
        self.is_open = False
        self.deadline.close()
        if self._head is not None and not self._head.done():
            self._head.set_exception(error)
        reply = self._reply
        if reply is not None and not reply.is_complete:
            reply.failure = reply.failure or error
            reply.wake()
        if self._transport is not None:
            self._transport.abort()
        self.resume_writing()

    def release(self) -> None:
        """The answer is done with; the connection can be used again if both sides have said all they had to."""
        sending, self.sending = self.sending, None
        if sending is not None:
            sending.cancel()
        reply, self._reply, self._head = self._reply, None, None
        whole = reply is not None and reply.is_complete and self._keeps_alive
        if not self.is_open or not whole or (sending is not None and not sending.done()):
            self.close()
            return
        self.is_idle = True
        self.resume_reading()

    def close(self) -> None:
        """Hang up."""
        self.is_open = False
        self.deadline.close()
        if self._transport is not None:
            self._transport.abort()

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self.is_idle:  # nobody has asked
            self.close()
            return
        if self._reply is None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._broke(f"what came is not an answer: {error}")
            return
        if self._reply is None:
            self._check_size(self._head_bytes)
        elif self._is_bodiless:
            self._is_used_up = True  # it waits for a body that a HEAD does not get

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        reply = self._reply
        if exc is None and self._ends_with_connection and reply is not None:
            reply.is_complete = True
            reply.wake()
        self._broke(f"the connection is lost: {exc or 'closed by the service'}")
        self._when_lost(self)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def pause_reading(self) -> None:
        """The client does not keep up."""
        if not self._is_paused and self.is_open:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """It does."""
        if self._is_paused and self.is_open:
            self._is_paused = False
            self._transport.resume_reading()

    # What the parser tells

    def on_message_begin(self) -> None:
        """See httptools."""
        self._headers = []
        if self._reply is not None:
            self._keeps_alive = False  # nobody asked for a second answer, and its start must not stand before the next

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools; what stands behind a body is dropped."""
        if self._reply is None:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """See httptools; interim answers are passed over."""
        status: int = self._parser.get_status_code()
        self._is_interim = 100 <= status < 200
        if status == 101 or len(self._headers) > MAX_ANSWER_HEADERS:
            raise Dropped("an answer that nobody asked for")
        if self._is_interim or self._head is None or self._head.done():
            return
        if not 200 <= status < 600 or self._parser.get_http_version() not in ("1.1", "1.0"):
            raise Dropped("an answer of another protocol")
        if self._head_bytes > MAX_ANSWER_HEADER:  # it may be; what follows it has been counted too
            self._check_size(sum([len(name) + len(value) + 4 for name, value in self._headers]))
        self._keeps_alive = self._parser.should_keep_alive()
        has_end = _has_end(self._headers)
        self._ends_with_connection = not (has_end or self._is_bodiless or status in (204, 304))
        self._reply = Reply(self, status, self._headers)
        self._reply.is_complete = self._is_bodiless
        self.deadline.clear()
        self._head.set_result(self._reply)

    def on_body(self, piece: bytes) -> None:
        """See httptools."""
        reply = self._reply
        if reply is None or reply.is_complete:
            self._keeps_alive = False  # more than the answer was
        else:
            reply.feed(piece)

    def on_message_complete(self) -> None:
        """See httptools."""
        reply = self._reply
        if reply is None:
            return
        if reply.is_complete and not self._is_bodiless:
            self._keeps_alive = False  # a second answer to one question
        reply.is_complete = True
        reply.wake()

    def _check_size(self, size: int) -> None:
        if size > MAX_ANSWER_HEADER:
            self._broke("the head of the answer is too large")

    def _broke(self, why: str) -> None:
        self.fail(Dropped(why) if self._reply is None else BrokenOff(why))

    def _late(self) -> None:
        if self.is_idle:
            self.close()
        elif self._reply is None:
            self.fail(TimeoutError("no answer in time"))
        else:
            self.fail(BrokenOff("the answer has stopped"))


def _has_end(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether they tell where the body ends; raises `Dropped` where a coding would be lost with its header."""
    codings = 0
    tells = False
    for name, value in headers:
        if name == b"content-length":
            tells = True
        elif name == b"transfer-encoding":
            codings += 1
            tells = True
            if codings > 1 or value.strip().lower() != b"chunked":
                raise Dropped("an answer in another coding than chunked")
    return tells
