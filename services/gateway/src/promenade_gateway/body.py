"""The request's body on its way to a service: streamed, counted, never held whole unless it is small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from promenade_gateway.errors import BodyTooLarge, RequestTimeout

# So much of a body is kept, to be sent again or to be looked into.
KEPT_BYTES = 16 * 1024


class ClientGone(Exception):
    """The client closed the connection; nobody waits for an answer."""


class RequestBody:
    """Reads the body once; up to `KEPT_BYTES` can be read again.

    `failure` is what ended the reading: a sender further down would wrap the exception beyond recognition.
    """

    def __init__(self, receive: Callable[[], Any], *, limit: int, length: int | None, idle_seconds: float) -> None:
        self._receive = receive
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._kept: list[bytes] = []
        self._seen = 0
        self.length = length
        self.complete = asyncio.Event()
        self.failure: Exception | None = None
        self.on_wait: Callable[[bool], None] | None = None
        if length == 0:
            self.complete.set()

    @property
    def can_be_sent_again(self) -> bool:
        """Whether all that was read so far is still there."""
        return self._seen <= KEPT_BYTES

    def check_length(self) -> None:
        """Refuse a body that is announced as too large, before any of it is read."""
        if self.length is not None and self.length > self._limit:
            self.failure = BodyTooLarge(self._limit)
            raise self.failure

    async def whole(self) -> bytes:
        """All of a body whose limit is at most `KEPT_BYTES`."""
        self.check_length()
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body from its start; raises `BodyTooLarge`, `RequestTimeout`, `ClientGone`."""
        for chunk in list(self._kept):
            yield chunk
        while not self.complete.is_set():
            chunk = await self._next()
            if chunk:
                yield chunk

    async def gone(self) -> None:
        """Return when the client has gone; the body must have been read."""
        await self.complete.wait()
        message: Any = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self.failure = ClientGone()

    async def _next(self) -> bytes:
        try:
            return await self._read()
        except Exception as error:
            self.failure = error
            raise

    async def _read(self) -> bytes:
        self._tell(waiting=True)
        try:
            async with asyncio.timeout(self._idle_seconds):
                message = await self._receive()
        except TimeoutError as error:
            raise RequestTimeout from error
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        self._seen += len(chunk)
        if self._seen > self._limit:
            raise BodyTooLarge(self._limit)
        if self.can_be_sent_again:
            self._kept.append(chunk)
        else:
            self._kept.clear()
        if not message.get("more_body"):
            self.complete.set()
        self._tell(waiting=False)
        return chunk

    def _tell(self, *, waiting: bool) -> None:
        if self.on_wait is not None:
            self.on_wait(waiting)
