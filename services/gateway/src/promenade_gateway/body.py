"""The request's body on its way to a service: streamed, counted, never held whole unless it is small."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Protocol

from promenade_gateway.errors import BodyTooLarge

# So much of a body is kept, to be sent again or to be looked into.
KEPT_BYTES = 16 * 1024
# So much may wait here for a service that reads slowly, before the client is held up.
WAITING_BYTES = 64 * 1024


class ClientGone(Exception):
    """The client closed the connection; nobody waits for an answer."""


class Sender(Protocol):
    """The client's side of a body."""

    def invite_body(self) -> None:
        """It will be read."""
        ...

    def body_awaited(self) -> None:
        """The next piece is waited for, and the client's time runs."""
        ...

    def hold_body(self) -> None:
        """Enough is waiting; no more for the moment."""
        ...

    def go_on_with_body(self) -> None:
        """There is room again."""
        ...


class RequestBody:
    """What the parser feeds, read once; up to `KEPT_BYTES` can be read again.

    `length` is the announced one in bytes, None where the body comes in chunks. `limit` is that of the route.
    """

    # Most requests have no body, and what never changes for them stays here.
    failure: Exception | None = None
    _held = False
    _waiting = 0  # bytes in `_pieces`
    _seen = 0
    _wait: asyncio.Future[None] | None = None

    def __init__(self, length: int | None, sender: Sender, *, limit: int = 0) -> None:
        self.length = length
        self.limit = limit
        self._sender = sender
        self._ended = length == 0
        self._pieces: deque[bytes] = deque()
        self._kept: list[bytes] = []

    @property
    def can_be_sent_again(self) -> bool:
        """Whether all that was read so far is still there."""
        return self._seen <= KEPT_BYTES

    def feed(self, piece: bytes) -> None:
        """A piece has come."""
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > WAITING_BYTES and not self._held:
            self._held = True
            self._sender.hold_body()
        self._wake()

    def finish(self) -> None:
        """That was all."""
        self._ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """No more will come; whoever reads is told why."""
        self.failure = self.failure or error
        self._wake()

    def check_length(self) -> None:
        """Refuse a body that is announced as too large, before any of it is read."""
        if self.length is not None and self.length > self.limit:
            raise BodyTooLarge(self.limit)

    async def whole(self) -> bytes:
        """All of a body whose limit is at most `KEPT_BYTES`."""
        self.check_length()
        return b"".join([piece async for piece in self.pieces()])

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body from its start; raises `BodyTooLarge`, `RequestTimeout`, `ClientGone`."""
        self._sender.invite_body()
        for piece in list(self._kept):
            yield piece
        while piece := await self._next():
            yield piece

    def arrived(self) -> bytes | None:
        """All of it, if all of it is here and small enough to be kept; raises `BodyTooLarge`."""
        if self.length == 0:
            return b""
        if not self._ended or self._seen + self._waiting > KEPT_BYTES:
            return None
        if self._pieces:
            self._sender.invite_body()
        while self._pieces:
            self._take()
        return b"".join(self._kept)

    async def _next(self) -> bytes:
        while not self._pieces:
            if self.failure is not None:
                raise self.failure
            if self._ended:
                return b""
            self._wait = asyncio.get_running_loop().create_future()
            self._sender.body_awaited()
            await self._wait
        return self._take()

    def _take(self) -> bytes:
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        self._seen += len(piece)
        if self._held and self._waiting <= WAITING_BYTES // 2:
            self._held = False
            self._sender.go_on_with_body()
        if self._seen > self.limit:
            self.failure = BodyTooLarge(self.limit)
            raise self.failure
        if self.can_be_sent_again:
            self._kept.append(piece)
        else:
            self._kept.clear()
        return piece

    def _wake(self) -> None:
        if self._wait is not None and not self._wait.done():
            self._wait.set_result(None)
