"""One connection to Redis, as lean as it gets: commands leave as they come, answers come back in the same order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import hiredis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - Redis' own, a RedisError
    NoScriptError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004 - Redis' own, a RedisError
)

Word = str | bytes | int

_NO_ANSWER_YET = object()
_pack: Callable[[tuple[Word, ...]], bytes] = cast(Any, hiredis).pack_command
_KINDS: dict[str, Callable[[str], Exception]] = {
    "NOSCRIPT": NoScriptError,
    "READONLY": ReadOnlyError,
    "LOADING": BusyLoadingError,
    "NOAUTH": AuthenticationError,
    "WRONGPASS": AuthenticationError,
}


def pack(*words: Word) -> bytes:
    """A command as it goes over the wire."""
    return _pack(words)


def error_of(text: str) -> Exception:
    """An error answer as an exception; its text stays whole."""
    return _KINDS.get(text.partition(" ")[0], ResponseError)(text)


@dataclass(slots=True)
class _Asked:
    future: asyncio.Future[list[Any]]
    count: int
    answers: list[Any]
    deadline: float


class RedisWire(asyncio.Protocol):
    """Speaks RESP2 and never asks twice: when it breaks, everybody who waits is told, and it stays broken.

    `answers_within` seconds without an answer break it, so that a connection that went dead is noticed. What comes
    without being asked for, as messages do after SUBSCRIBE, goes to `overhear`.
    """

    def __init__(self, *, answers_within: float, overhear: Callable[[Any], None] | None = None) -> None:
        self._answers_within = answers_within
        self._overhear = overhear
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=error_of, notEnoughData=_NO_ANSWER_YET)
        self._asked: deque[_Asked] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._broken: Exception | None = None
        self.closed = self._loop.create_future()

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self._transport is not None

    def ask(self, packed: bytes, count: int = 1) -> asyncio.Future[list[Any]]:
        """Send `count` packed commands; their answers, among which errors are exceptions that were not raised.

        Who stops waiting does not disturb the others.
        """
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        if self._transport is None:
            future.set_exception(self._broken or ConnectionError("the connection to Redis is closed"))
            return future
        self._asked.append(_Asked(future, count, [], self._loop.time() + self._answers_within))
        self._transport.write(packed)
        if self._watch is None:
            self._watch = self._loop.call_later(self._answers_within, self._look)
        return future

    def close(self) -> None:
        """Hang up; who still waits gets a ConnectionError."""
        self._break(ConnectionError("the connection to Redis was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not _NO_ANSWER_YET:
                self._take(answer)
        except hiredis.ProtocolError as error:
            self._break(ConnectionError(f"what came is not Redis: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._break(ConnectionError(f"the connection to Redis is lost: {exc or 'closed by the server'}"))
        if not self.closed.done():
            self.closed.set_result(None)

    def _take(self, answer: Any) -> None:
        if not self._asked:
            if self._overhear is not None:
                self._overhear(answer)
            return
        first = self._asked[0]
        first.answers.append(answer)
        if len(first.answers) == first.count:
            self._asked.popleft()
            if not first.future.done():
                first.future.set_result(first.answers)

    def _look(self) -> None:
        """Only the oldest question has to be looked at: answers come in order."""
        self._watch = None
        if not self._asked:
            return
        left = self._asked[0].deadline - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._look)
        else:
            self._break(TimeoutError(f"no answer from Redis within {self._answers_within:g} seconds"))

    def _break(self, error: Exception) -> None:
        transport, self._transport = self._transport, None
        self._broken = self._broken or error
        if transport is not None:
            transport.abort()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        while self._asked:
            future = self._asked.popleft().future
            if not future.done():
                future.set_exception(self._broken)
