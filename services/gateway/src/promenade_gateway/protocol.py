"""One client's connection: requests are read as they come and answered one after the other, in their order."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import Any

import structlog

from promenade_gateway.answer import Answer
from promenade_gateway.body import ClientGone
from promenade_gateway.deadline import Deadline
from promenade_gateway.errors import RequestTimeout
from promenade_gateway.house import House
from promenade_gateway.limits import network_of
from promenade_gateway.reader import Refused, RequestReader
from promenade_gateway.refusal import CROWDED, Refusal
from promenade_gateway.request import Request

log = structlog.get_logger(__name__)

# Of a body that nobody wanted so much is read, so that the connection can be used again.
UNWANTED_BYTES = 256 * 1024
# So much is read at a time: requests are smaller than this by far, so who sends thousands in one piece does not have
# them all taken in before the first is answered. Bodies, which take no room but their own, in larger pieces.
HEAD_BITE, BODY_BITE = 4 * 1024, 16 * 1024
# An answer is lost with its connection when that is closed before the client has stopped sending.
LINGER_SECONDS = 2.0

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: to close is to send RST


class ClientConnection(asyncio.Protocol):
    """Made by the listener for each client; see `House`."""

    def __init__(self, house: House) -> None:
        self.has_asked = False
        self._house = house
        self._reader = RequestReader(self, head_bytes=house.limits.head_bytes, heads=house.heads)
        self._deadline = Deadline(self._late, house.loop)
        self._write_deadline = Deadline(self.abort, house.loop)
        self._transport: Any = None  # uvloop's are no subclass of asyncio's
        self.address: str | None = None
        self.network = ""  # which of its address is counted as one client
        self._request: Request | None = None  # whose turn it is
        self._answer: Answer | None = None
        self._task: asyncio.Task[None] | None = None
        self._reading: Request | None = None  # whose body is being read; it may not have its turn yet
        self._queue: deque[tuple[Request, Answer]] = deque()
        self._last_word: Refusal | None = None  # what follows the answers still owed
        self._held = False
        self._is_sated = False
        self._is_paused = False
        self._ends_unasked: bool | None = None  # while `100 Continue` is owed: whether the connection would end anyway
        self._unwanted = 0
        self._unread = memoryview(b"")  # what came while no more was wanted
        self._patience = 0.0  # seconds for which this body may still be waited for
        self._waits_since: float | None = None
        self._is_ending = False  # whatever still comes is thrown away
        self._writable: asyncio.Future[None] | None = None

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that sends nothing is closed as one that sends too slowly."""
        self._transport = transport
        peer: Any = transport.get_extra_info("peername")
        self.address = _host_of(peer)
        self.network = network_of(self.address or "")
        self._deadline.within(self._house.limits.head_seconds)
        if not self._house.enter(self):
            self.write(CROWDED.written())
            self._is_ending = True
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more: what is under way for this client ends."""
        self._house.leave(self)
        self._is_ending = True
        self._deadline.close()
        self._write_deadline.close()
        self._queue.clear()
        self._give_up()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read on, until something comes that is no request."""
        if self._is_ending or self._last_word is not None:
            return
        if self._unread:
            self._unread = memoryview(bytes(self._unread) + data)
        elif len(data) <= HEAD_BITE:
            self._read(data)
        else:
            self._unread = memoryview(data)
            self._read_on()

    def _read_on(self) -> None:
        while self._unread and not self._is_sated and not self._is_ending and self._last_word is None:
            bite = BODY_BITE if self._reader.in_body else HEAD_BITE
            piece, self._unread = self._unread[:bite], self._unread[bite:]
            self._read(piece)
        if not self._is_ending:
            self._pause(self._is_sated or bool(self._unread))

    def _read(self, data: bytes | memoryview) -> None:
        was_in_head = self._reader.in_head
        try:
            self._reader.feed(data)
        except Refused as error:
            self._refuse(error.refusal)
            return
        if self._reader.in_head and not was_in_head:
            self._deadline.within(self._house.limits.head_seconds)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is sent to; so long it may take for the next piece."""
        self._writable = self._house.loop.create_future()
        self._write_deadline.within(self._house.limits.idle_seconds)

    def resume_writing(self) -> None:
        """It has read on."""
        self._write_deadline.clear()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None
        if self._queue and self._request is None:
            self._take_turn()

    # What the reader tells

    def request_came(self, request: Request, *, last: bool) -> None:
        """It is answered at once or when its turn comes."""
        self._deadline.clear()
        self.has_asked = True
        request.client = self.address
        self._reading = request
        self._patience, self._waits_since = self._house.limits.idle_seconds, None
        answer = Answer(self, head_only=request.method == "HEAD", modern=request.version == "1.1", closing=last)
        if self._request is None and self._writable is None:
            self._begin(request, answer)
        else:  # somebody else is answered, or the client has not read what was
            self._queue.append((request, answer))
            self._hold_if_needed()

    def body_came(self, piece: bytes) -> None:
        """It goes to who reads it, or nowhere."""
        request = self._reading
        if request is None or self._is_ending:
            return
        if not request.answered:
            self._deadline.clear()
            if self._waits_since is not None:
                self._patience -= self._house.loop.time() - self._waits_since
                self._waits_since = None
            self._patience += len(piece) / self._house.limits.body_bytes_per_second
            request.body.feed(piece)
            return
        self._unwanted += len(piece)
        if self._unwanted > UNWANTED_BYTES:
            self._end()

    def request_ended(self) -> None:
        """The next one may begin."""
        request, self._reading = self._reading, None
        if request is not None:
            request.body.finish()
        if self._request is None:
            self._rest()
        else:
            self._deadline.clear()

    # What the body tells

    def invite_body(self) -> None:
        """The client may be waiting to be asked for it."""
        if self._ends_unasked is not None and self._answer is not None:
            self._answer.closing = self._ends_unasked or self._house.is_draining
            self._ends_unasked = None
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def body_awaited(self) -> None:
        """The client has its idle time for the next piece, and less when it has sent too slowly so far."""
        self._waits_since = self._house.loop.time()
        self._deadline.within(max(0.0, min(self._patience, self._house.limits.idle_seconds)))

    def hold_body(self) -> None:
        """Enough is waiting."""
        self._held = True
        self._hold_if_needed()

    def go_on_with_body(self) -> None:
        """There is room again."""
        self._held = False
        self._hold_if_needed()

    # What the answer tells

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def abort(self) -> None:
        """Break the connection: a client must not take half an answer for the whole.

        It is reset: to a client of HTTP/1.0 an orderly end would be the end of the answer.
        """
        if not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._hang_up()

    def _hang_up(self) -> None:
        self._is_ending = True
        self._transport.abort()

    async def drain(self) -> None:
        """Wait while the client reads more slowly than it is sent to."""
        if self._writable is not None:
            await self._writable

    # What the listener tells

    def leave(self) -> None:
        """Answer what has been asked, then close."""
        if self._request is None and self._reading is None and not self._queue and not self._reader.in_head:
            self._end()
        elif self._answer is not None and not self._answer.started:
            self._answer.closing = True

    # The turns

    def _begin(self, request: Request, answer: Answer) -> None:
        self._request, self._answer = request, answer
        if request.fields.get(b"expect", b"").lower() == b"100-continue" and request.version == "1.1":
            self._ends_unasked, answer.closing = answer.closing, True  # a body not asked for may or may not come
        answer.closing = answer.closing or self._house.is_draining
        self._task = self._house.loop.create_task(self._serve(request, answer))

    async def _serve(self, request: Request, answer: Answer) -> None:
        try:
            await self._house.serve(request, answer)
        except Exception as error:  # the door answers all it knows; a client must not wait for the rest
            log.error("request.broke", error=type(error).__name__, exc_info=error)
        finally:
            self._next(request, answer)

    def _next(self, request: Request, answer: Answer) -> None:
        request.answered = True
        self._request = self._answer = self._task = self._ends_unasked = None
        if self._is_ending:
            return
        if not answer.finished:
            self.abort()
        elif answer.closing or self._house.is_draining:
            self._end()
        else:
            self._take_turn()

    def _take_turn(self) -> None:
        if self._queue:
            if self._writable is None:  # otherwise as soon as the client has read what it was sent
                self._begin(*self._queue.popleft())
                self._hold_if_needed()
        elif self._last_word is not None:
            self.write(self._last_word.written())
            self._end()
        else:
            self._rest()

    def _rest(self) -> None:
        """Nothing is owed: wait for the next request, or for the end of a body that nobody wanted."""
        self._unwanted = 0
        if self._held:
            self.go_on_with_body()
        if not self._reader.in_head:
            limits = self._house.limits
            self._deadline.within(limits.keep_alive_seconds if self._reading is None else limits.idle_seconds)

    def _refuse(self, refusal: Refusal) -> None:
        """Say so when it is this one's turn; the end of an answer that has begun can only be broken off."""
        if self._reading is not None and self._reading.answered:  # another answer would be taken for the next one's
            self._end()
            return
        if self._queue and self._reading is self._queue[-1][0]:
            self._queue.pop()
        elif self._reading is not None and self._reading is self._request:
            if self._answer is None or self._answer.started:
                self.abort()
                return
            self._give_up()
        self._last_word = refusal
        if (self._request is None and not self._queue) or (self._request is not None and self._request.gone):
            self.write(refusal.written())
            self._end()

    def _give_up(self) -> None:
        for request in (self._request, self._reading):
            if request is not None:
                request.gone = True
                request.body.fail(ClientGone())
        if self._task is not None:
            self._task.cancel()

    def _end(self) -> None:
        """Close, but not before the client has heard what was said last."""
        self._is_ending = True
        self._unread = memoryview(b"")
        if self._reading is None and self._last_word is None:
            self._deadline.within(self._house.limits.idle_seconds)
            self._transport.close()
        elif not self._transport.is_closing():
            self._deadline.within(LINGER_SECONDS)
            self._pause(False)
            self._transport.write_eof()

    def _hold_if_needed(self) -> None:
        self._is_sated = self._held or bool(self._queue)
        if self._unread and not self._is_sated:
            self._house.loop.call_soon(self._read_on)  # before anything more is taken from the network
        else:
            self._pause(self._is_sated)

    def _pause(self, wanted: bool) -> None:
        if wanted is self._is_paused or self._transport.is_closing():
            return
        self._is_paused = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _late(self) -> None:
        reading = self._reading
        if reading is not None and not reading.answered and not self._is_ending:
            reading.body.fail(RequestTimeout())
        elif self._answer is not None:
            self.abort()
        else:
            self._hang_up()


def _host_of(peer: Any) -> str | None:
    """A Unix socket's other end has no address, or a text."""
    return str(peer[0]) if isinstance(peer, tuple) and peer else None  # pyright: ignore[reportUnknownArgumentType]  # the loop's own types end here
