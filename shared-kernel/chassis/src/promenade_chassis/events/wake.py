"""Hints between the processes of one service: something was committed, the relay need not wait for its next look.

Only hints: one that is lost costs the relay's poll interval, and nobody waits for one to arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from redis.exceptions import ConnectionError  # noqa: A004 - Redis' own

from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.supervision import cancelled, supervised

_ANSWER_SECONDS = 2.0
_LOOK_SECONDS = 20.0


def channel_of(context: str) -> str:
    """The channel on which a context's processes wake its relay."""
    return f"promenade.{context}.wake"


class WakeHints:
    """Sends hints, from the process that commits: however many commits, one is on its way and at most one waits."""

    def __init__(self, url: str, context: str) -> None:
        self._link = RedisLink(url, answers_within=_ANSWER_SECONDS)
        self._context = context
        self._wanted = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._sending = supervised("wake.send", self._send, context=self._context)

    def send(self) -> None:
        """Something was committed."""
        self._wanted.set()

    async def stop(self) -> None:
        """Send no more."""
        if self._sending is not None:
            await cancelled(self._sending)
        await self._link.close()

    async def _send(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._link.call("PUBLISH", channel_of(self._context), "")


class WakeListener:
    """Hears hints, where the relay is."""

    def __init__(self, url: str, context: str, heard: Callable[[], None]) -> None:
        self._link = RedisLink(url, answers_within=_ANSWER_SECONDS, overhear=lambda _: heard())
        self._context = context
        self._heard = heard
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen; while Redis is away there is nothing to hear."""
        self._listening = supervised("wake.listen", self._listen, context=self._context)

    async def stop(self) -> None:
        """Listen no more."""
        if self._listening is not None:
            await cancelled(self._listening)
        await self._link.close()

    async def _listen(self) -> None:
        """A message that comes while a ping is out is taken for its answer, and the answer then for a message."""
        wire = await self._link.connection()
        await self._link.call("SUBSCRIBE", channel_of(self._context))
        self._heard()  # for what was committed before
        while True:
            await asyncio.wait([wire.closed], timeout=_LOOK_SECONDS)
            if not wire.is_open:
                raise ConnectionError("the connection to Redis ended")
            await self._link.call("PING")
