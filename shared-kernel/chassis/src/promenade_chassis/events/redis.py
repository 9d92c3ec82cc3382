"""The bus over Redis Streams: one stream a producing context, one consumer group a consuming context."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Generator, Hashable, Sequence
from typing import Any

import structlog
from promenade_kernel.events.envelope import Envelope, stream_of
from redis.exceptions import RedisError

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.batches import AT_ONCE
from promenade_chassis.events.bus import AnyReaction, EventT, Subscriptions
from promenade_chassis.events.lanes import Lanes
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import Again, Done, Outcome, Unpreceded
from promenade_chassis.events.reader import BLOCK_SECONDS, CLAIM_AFTER_SECONDS, Entry, StreamReader
from promenade_chassis.events.redis_link import RedisLink, Word
from promenade_chassis.events.settle import Settlement
from promenade_chassis.events.stream_ids import StreamId
from promenade_chassis.events.supervision import cancelled, supervised

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

LEAST_ROOM = 1_000
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

    `room` bounds the entries of each stream taken and not yet acknowledged, by default two batches a lane; what another
    replica has not touched for `claim_after` seconds is taken over.
    """

    def __init__(
        self,
        url: str,
        context: str,
        ledger: Ledger,
        settings: EventsSettings,
        *,
        replica: str | None = None,
        room: int | None = None,
        claim_after: float = CLAIM_AFTER_SECONDS,
    ) -> None:
        self.subscriptions = Subscriptions(context)
        self._consumer = replica or replica_name()
        self._room = room or max(LEAST_ROOM, 2 * settings.lanes * settings.batch)
        self._claim_after = claim_after
        self._url = url
        self._link = RedisLink(url)
        self._settlement = Settlement(ledger, self.subscriptions)
        self._lanes = Lanes[Entry](
            self._handle,
            settings.lanes,
            subject=_subject,
            rank=_sequence,
            batch=settings.batch,
            gather=ledger.gather_seconds,
            park=_park,
            unpark=_unpark,
        )
        self._readers: list[StreamReader] = []
        self._reading: list[asyncio.Task[None]] = []
        self._tending: list[asyncio.Task[None]] = []

    def subscribe(
        self, event_class: type[EventT], reaction: AnyReaction[EventT], *, batch: bool = False, alone: bool = False
    ) -> None:
        """See `Bus.subscribe`."""
        self.subscriptions.add(event_class, reaction, batch=batch, alone=alone)

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
        """Take no more, finish what is in flight, acknowledge it, then stop: all in so many seconds.

        The last quarter, at most two seconds, is kept for acknowledging.
        """
        deadline = time.monotonic() + within
        finished_by = deadline - min(_GOODBYE_SECONDS, within / 4)
        await asyncio.gather(*(reader.stop(min(within / 4, BLOCK_SECONDS)) for reader in self._readers))
        if self._reading:
            await asyncio.wait(self._reading, timeout=min(_until(finished_by), 2 * BLOCK_SECONDS))
        await cancelled(*self._reading)
        await self._lanes.drain(_until(finished_by))
        await self._lanes.stop()
        await cancelled(*self._tending)
        await asyncio.gather(*(self._part(reader, deadline) for reader in self._readers))
        await self._link.close()

    async def _start_reader(self, stream: str) -> None:
        context = self.subscriptions.context
        reader = StreamReader(
            stream,
            context,
            self._consumer,
            link=self._link,
            blocking=RedisLink(self._url, answers_within=BLOCK_SECONDS + 4.0),
            deal=self._lanes.put,
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

    async def _part(self, reader: StreamReader, deadline: float) -> None:
        """Acknowledge the rest and leave the group. Redis being away changes nothing: what is done stays done."""
        try:
            async with asyncio.timeout(min(_GOODBYE_SECONDS, _until(deadline))):
                await reader.flush()
                await reader.leave()
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("redis.away", stream=reader.stream, error=str(error)[:200])

    async def _handle(self, entries: Sequence[Entry]) -> Sequence[Done | Again] | None:
        envelopes = [entry.envelope for entry in entries if entry.envelope is not None]
        if len(envelopes) < len(entries):
            return await self._handle_apart(entries)
        outcomes = await self._settlement.settle_all(envelopes)
        if outcomes is None:
            _settled(entries)
            return None
        concluded = [await self._conclude(entry, outcome) for entry, outcome in zip(entries, outcomes, strict=True)]
        _settled([entry for entry, outcome in zip(entries, concluded, strict=True) if isinstance(outcome, Done)])
        return concluded

    async def _handle_apart(self, entries: Sequence[Entry]) -> Sequence[Done | Again]:
        """What is no envelope is buried, each by itself; the others of the batch have their turn after it."""
        outcomes: list[Done | Again] = []
        for entry in entries:
            outcome = AT_ONCE if entry.envelope else await self._settlement.bury(entry.raw, entry.fault)
            outcomes.append(outcome if isinstance(outcome, Done | Again) else _LOOK_AGAIN)
        _settled([entry for entry, outcome in zip(entries, outcomes, strict=True) if isinstance(outcome, Done)])
        return outcomes

    async def _conclude(self, entry: Entry, outcome: Outcome) -> Done | Again:
        if isinstance(outcome, Unpreceded) and entry.envelope and not await self._past_in_flight(entry):
            outcome = await self._settlement.settle(entry.envelope, adopt=True)
        return _LOOK_AGAIN if isinstance(outcome, Unpreceded) else outcome

    async def _past_in_flight(self, entry: Entry) -> bool:
        """Whether another replica still holds an earlier entry of the subject; while Redis is away, perhaps."""
        try:
            return await entry.reader.has_past_in_flight(entry)
        except (RedisError, OSError):
            return True


def _until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _subject(entry: Entry) -> Hashable:
    # Aggregates of two contexts never share an id; if they did they would only wait for each other.
    return entry.envelope.subject.int if entry.envelope else entry.id


def _sequence(entry: Entry) -> int:
    return entry.envelope.sequence if entry.envelope else 0


def _park(entries: list[Entry]) -> list[Entry]:
    """Those that wait take no room of their readers."""
    return [kept for reader, its in _by_reader(entries).items() for kept in reader.park(its)]


def _unpark(entries: list[Entry]) -> None:
    for reader, its in _by_reader(entries).items():
        reader.unpark(len(its))


def _by_reader(entries: Sequence[Entry]) -> dict[StreamReader, list[Entry]]:
    by_reader: dict[StreamReader, list[Entry]] = {}
    for entry in entries:
        by_reader.setdefault(entry.reader, []).append(entry)
    return by_reader


def _settled(entries: Sequence[Entry]) -> None:
    """Their effects have committed: each reader acknowledges its own."""
    for reader, its in _by_reader(entries).items():
        reader.settle(its)
