"""The bus over Redis Streams: one stream a producing context, one consumer group a consuming context."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Generator, Sequence
from typing import Any

import structlog
from promenade_kernel.events.envelope import Envelope, stream_of
from redis.exceptions import RedisError

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.bus import EventT, Reaction, Subscriptions
from promenade_chassis.events.lanes import Lanes
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import Again, Done, Outcome, Unpreceded
from promenade_chassis.events.reader import BLOCK_SECONDS, CLAIM_AFTER_SECONDS, Entry, StreamReader
from promenade_chassis.events.redis_link import RedisLink, Word
from promenade_chassis.events.settle import Settlement
from promenade_chassis.events.stream_ids import StreamId
from promenade_chassis.events.supervision import cancelled, supervised

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

DEFAULT_ROOM = 1_000
_LOOK_AGAIN = Again(1.0)
_GOODBYE_SECONDS = 2.0
_MANY = 1_000_000


def replica_name() -> str:
    """This replica's name, the same after a restart: PROMENADE_REPLICA, or the host's name."""
    return os.environ.get("PROMENADE_REPLICA") or socket.gethostname()


class StreamReceipt:
    """Settled when every group there is has acknowledged the entries."""

    def __init__(self, link: RedisLink, entries: dict[str, list[bytes]]) -> None:
        self._link = link
        self._open = entries

    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()

    def done(self) -> bool:
        """Whether it was settled when last looked at."""
        return not self._open

    async def _wait(self) -> None:
        while self._open:
            for stream, ids in list(self._open.items()):
                if await self._acknowledged(stream, ids):
                    del self._open[stream]
            await asyncio.sleep(0.05 if self._open else 0)

    async def _acknowledged(self, stream: str, ids: list[bytes]) -> bool:
        for fields in await self._link.call("XINFO", "GROUPS", stream):
            group = dict(zip(fields[::2], fields[1::2], strict=True))
            if StreamId.parse(group[b"last-delivered-id"]) < StreamId.parse(ids[-1]):
                return False
            pending = await self._link.call("XPENDING", stream, group[b"name"], ids[0], ids[-1], _MANY)
            if not {entry[0] for entry in pending}.isdisjoint(ids):
                return False
        return True


class RedisBus:
    """One context's bus. Redis being away is waited out, for ever; nothing falls back to memory.

    `room` bounds the entries of each stream taken and not yet acknowledged; what another replica has not touched for
    `claim_after` seconds is taken over.
    """

    def __init__(
        self,
        url: str,
        context: str,
        ledger: Ledger,
        settings: EventsSettings,
        *,
        replica: str | None = None,
        room: int = DEFAULT_ROOM,
        claim_after: float = CLAIM_AFTER_SECONDS,
    ) -> None:
        self.subscriptions = Subscriptions(context)
        self._consumer = replica or replica_name()
        self._room = room
        self._claim_after = claim_after
        self._url = url
        self._link = RedisLink(url)
        self._settlement = Settlement(ledger, self.subscriptions)
        self._lanes = Lanes[Entry](self._handle, settings.lanes)
        self._readers: list[StreamReader] = []
        self._reading: list[asyncio.Task[None]] = []
        self._tending: list[asyncio.Task[None]] = []

    def subscribe(self, event_class: type[EventT], reaction: Reaction[EventT]) -> None:
        """Let this context react to an event."""
        self.subscriptions.add(event_class, reaction)

    async def publish(self, envelopes: Sequence[Envelope]) -> StreamReceipt:
        """Append to the streams of their sources, in order: for tests and tools.

        Services publish by recording events, through outbox and relay: only that is safe against a loss of Redis.
        """
        additions: dict[str, list[tuple[Word, ...]]] = {}
        for envelope in envelopes:
            stream = stream_of(envelope.source.removeprefix("/promenade/"))
            additions.setdefault(stream, []).append(("XADD", stream, "*", "e", envelope.encode()))
        entries = {stream: await self._link.call_many(commands) for stream, commands in additions.items()}
        return StreamReceipt(self._link, entries)

    async def start(self) -> None:
        """Begin to deliver to this context's reactions; answers at once, also while Redis is away."""
        self._lanes.start()
        for producer in sorted(self.subscriptions.producers):
            await self._start_reader(stream_of(producer))

    async def close(self, within: float) -> None:
        """Take no more, finish what is in flight for so many seconds, acknowledge it, then stop."""
        deadline = time.monotonic() + within
        await asyncio.gather(*(reader.stop() for reader in self._readers))
        if self._reading:
            await asyncio.wait(self._reading, timeout=min(within, 2 * BLOCK_SECONDS))
        await cancelled(*self._reading)
        await self._lanes.drain(max(0.0, deadline - time.monotonic()))
        await self._lanes.stop()
        await cancelled(*self._tending)
        await asyncio.gather(*(self._part(reader) for reader in self._readers))
        await self._link.close()

    async def _start_reader(self, stream: str) -> None:
        context = self.subscriptions.context
        reader = StreamReader(
            stream,
            context,
            self._consumer,
            link=self._link,
            blocking=RedisLink(self._url, answers_within=BLOCK_SECONDS + 4.0),
            deal=self._deal,
            room=self._room,
            claim_after=self._claim_after,
        )
        try:
            await reader.enter_group()
        except (RedisError, OSError) as error:
            logger.warning("redis.away", stream=stream, error=str(error)[:200])
        ids = {"stream": stream, "context": context}
        self._readers.append(reader)
        self._reading.append(supervised("stream.read", reader.read, **ids))
        self._tending.append(supervised("stream.tend", reader.tend, **ids))
        self._tending.append(supervised("stream.acknowledge", reader.acknowledge, **ids))

    async def _part(self, reader: StreamReader) -> None:
        """Acknowledge the rest and leave the group. Redis being away changes nothing: what is done stays done."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await reader.flush()
                await reader.leave()
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("redis.away", stream=reader.stream, error=str(error)[:200])

    def _deal(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            subject, sequence = (entry.envelope.subject, entry.envelope.sequence) if entry.envelope else (entry.id, 0)
            self._lanes.put((entry.reader.stream, subject), sequence, entry)

    async def _handle(self, entry: Entry) -> Done | Again:
        outcome = await self._settle(entry)
        if isinstance(outcome, Unpreceded):
            return _LOOK_AGAIN
        if isinstance(outcome, Done):
            entry.reader.settle([entry])
        return outcome

    async def _settle(self, entry: Entry) -> Outcome:
        if entry.envelope is None:
            return await self._settlement.bury(entry.raw, entry.fault)
        outcome = await self._settlement.settle(entry.envelope)
        if isinstance(outcome, Unpreceded) and not await self._past_in_flight(entry):
            return await self._settlement.settle(entry.envelope, adopt=True)
        return outcome

    async def _past_in_flight(self, entry: Entry) -> bool:
        """Whether another replica still holds an earlier entry of the subject; while Redis is away, perhaps."""
        try:
            return await entry.reader.has_past_in_flight(entry)
        except (RedisError, OSError):
            return True
