"""One consumer of one group on one stream: reads, claims what others left, keeps its own young, acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage
from redis.exceptions import RedisError, ResponseError

from promenade_chassis.events.place import read_facts
from promenade_chassis.events.redis_link import RedisLink, Word, is_group_missing
from promenade_chassis.events.scripts import dismiss_consumer, dismiss_idle_consumers

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

BLOCK_SECONDS = 1.0
_PAGE = 500
_LEAST_CLAIMED = 50
PARKED_ROOMS = 5
CLAIM_AFTER_SECONDS = 15.0
_TEND_SECONDS = 2.0
_DISMISS_SECONDS = 60.0
_DISMISS_AFTER_SECONDS = 24 * 3600
_FIELD = b"e"


class Entry(msgspec.Struct, frozen=True):
    """One entry taken from the stream. `envelope` is None when it is none; `fault` says why."""

    reader: StreamReader
    id: bytes
    raw: bytes
    envelope: Envelope | None
    fault: str = ""


class StreamReader:
    """Takes at most `room` entries at a time; each stays pending in Redis until it is settled and acknowledged.

    What waits for its subject is parked and takes no room, so that one subject never stops the stream. Beyond
    `PARKED_ROOMS` times the room it is forgotten: it stays pending, and is claimed again when it has aged.

    What another consumer has not touched for `claim_after` seconds is taken over, also when there is no room: it may be
    what all that has been taken waits for.

    `read`, `tend` and `acknowledge` are endless loops for a supervisor: they raise when Redis is away, and are right
    again when started again.
    """

    def __init__(
        self,
        stream: str,
        group: str,
        consumer: str,
        *,
        link: RedisLink,
        blocking: RedisLink,
        deal: Callable[[Sequence[Entry]], None],
        room: int,
        claim_after: float,
    ) -> None:
        self.stream = stream
        self.group = group
        self.consumer = consumer
        self._link = link
        self._blocking = blocking
        self._deal = deal
        self._room = room
        self._claim_after = claim_after
        self._in_work: dict[bytes, UUID | None] = {}
        self._parked = 0
        self._settled: list[bytes] = []
        self._settled_some = asyncio.Event()
        self._freed = asyncio.Event()
        self._stopping = False
        self._client_id = 0

    async def enter_group(self) -> None:
        """Make the group, from the beginning of the stream, and the stream, unless they are there."""
        try:
            await self._link.call("XGROUP", "CREATE", self.stream, self.group, "0", "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        else:
            logger.info("group.created", stream=self.stream, group=self.group)

    async def read(self) -> None:
        """Take what is pending for this consumer, then what is new, until `stop`."""
        self._client_id = await self._blocking.call("CLIENT", "ID", at=self.stream)
        await self.enter_group()
        await self._read_own_pending()
        while not self._stopping:
            await self._wait_for_room()
            # The stop flag may have been set while there was no room.
            if not self._stopping:
                self._take(await self._read_group(">", block=True))

    async def tend(self) -> None:
        """Keep what is in work young, claim what others left behind, dismiss consumers that are gone."""
        keep_young_at = dismiss_at = time.monotonic()
        cursor = b"0-0"
        while True:
            now = time.monotonic()
            if now >= keep_young_at:
                keep_young_at = now + self._claim_after / 3
                await self._keep_young()
            if now >= dismiss_at:
                dismiss_at = now + _DISMISS_SECONDS
                await dismiss_idle_consumers(self._link, self.stream, self.group, _DISMISS_AFTER_SECONDS)
            if not self._stopping:
                cursor = await self._claim(cursor)
            await asyncio.sleep(min(_TEND_SECONDS, self._claim_after / 4))

    async def acknowledge(self) -> None:
        """Acknowledge what was settled, all that has gathered in one call."""
        while True:
            await self._settled_some.wait()
            await self.flush()

    async def flush(self) -> None:
        """Acknowledge what was settled so far."""
        while self._settled:
            ids = self._settled[:_PAGE]
            await self._call("XACK", self.stream, self.group, *ids)
            del self._settled[: len(ids)]
            for each in ids:
                self._in_work.pop(each, None)
            self._freed.set()
        self._settled_some.clear()

    def park(self, entries: list[Entry]) -> list[Entry]:
        """These wait for their subject; answers those that are kept."""
        kept = entries[: max(0, self._room * PARKED_ROOMS - self._parked)]
        self._parked += len(kept)
        for entry in entries[len(kept) :]:
            del self._in_work[entry.id]
        if len(kept) < len(entries):
            logger.warning("entries.forgotten", stream=self.stream, group=self.group, entries=len(entries) - len(kept))
        self._freed.set()
        return kept

    def unpark(self, entries: int) -> None:
        """So many of those parked are handled again."""
        self._parked -= entries

    def settle(self, entries: Sequence[Entry]) -> None:
        """The effects of these entries have committed."""
        self._settled.extend([entry.id for entry in entries])
        self._settled_some.set()

    async def stop(self, within: float) -> None:
        """Take no more, and let `read` return: at once if Redis can be told in so many seconds."""
        self._stopping = True
        self._freed.set()
        with contextlib.suppress(RedisError, OSError, TimeoutError):  # it returns within a second by itself
            async with asyncio.timeout(within):
                await self._link.call("CLIENT", "UNBLOCK", self._client_id, at=self.stream)

    async def leave(self) -> None:
        """Delete this consumer if nothing is pending for it."""
        await self._blocking.close()
        await dismiss_consumer(self._link, self.stream, self.group, self.consumer)

    async def has_past_in_flight(self, entry: Entry) -> bool:
        """Whether an earlier entry of the same subject is still pending, here or with another replica."""
        if entry.envelope is None:
            return False
        subject, start = entry.envelope.subject, b"-"
        while True:
            page = await self._call("XPENDING", self.stream, self.group, start, b"(" + entry.id, _PAGE) or ()
            ids = [pending for pending, *_ in page]
            if any(self._in_work.get(each) == subject for each in ids) or subject in await self._subjects_elsewhere(
                ids
            ):
                return True
            if len(ids) < _PAGE:
                return False
            start = b"(" + ids[-1]

    async def _subjects_elsewhere(self, entry_ids: Sequence[bytes]) -> set[UUID]:
        """What those of the entries that others hold are about, all in one call."""
        elsewhere = [each for each in entry_ids if each not in self._in_work]
        found = await self._link.call_many([("XRANGE", self.stream, each, each) for each in elsewhere])
        facts = [read_facts(_payload(entries[0][1])) for entries in found if entries]
        return {each.subject for each in facts if each is not None}

    async def _read_own_pending(self) -> None:
        after = "0-0"
        while not self._stopping:
            await self._wait_for_room()
            page = await self._read_group(after, block=False)
            if not page:
                return
            self._take(page)
            after = page[-1][0].decode()

    async def _read_group(self, after: str, *, block: bool) -> Sequence[Any]:
        count = min(_PAGE, max(1, self._free()))
        waiting: tuple[Word, ...] = ("BLOCK", int(BLOCK_SECONDS * 1000)) if block else ()
        words: tuple[Word, ...] = ("XREADGROUP", "GROUP", self.group, self.consumer, "COUNT", count, *waiting)
        answer = await self._call(*words, "STREAMS", self.stream, after, link=self._blocking)
        return answer[0][1] if answer else ()

    async def _keep_young(self) -> None:
        ids = list(self._in_work)
        for start in range(0, len(ids), _PAGE):
            page = ids[start : start + _PAGE]
            await self._call("XCLAIM", self.stream, self.group, self.consumer, 0, *page, "JUSTID")

    async def _claim(self, cursor: bytes) -> bytes:
        words: tuple[Word, ...] = (self.stream, self.group, self.consumer, int(self._claim_after * 1000), cursor)
        answer = await self._call("XAUTOCLAIM", *words, "COUNT", max(_LEAST_CLAIMED, min(_PAGE, self._free())))
        if answer is None:
            return b"0-0"
        if answer[1]:
            logger.info("entries.claimed", stream=self.stream, group=self.group, entries=len(answer[1]))
        self._take(answer[1])
        return answer[0]

    def _take(self, page: Sequence[Any]) -> None:
        taken: list[Entry] = []
        for entry_id, fields in page:
            if entry_id in self._in_work:
                continue
            if fields is None:
                self._pass_over(entry_id)
                continue
            entry = self._open(entry_id, _payload(fields))
            self._in_work[entry_id] = entry.envelope.subject if entry.envelope else None
            taken.append(entry)
        if taken:
            self._deal(taken)

    def _pass_over(self, entry_id: bytes) -> None:
        """Deleted from the stream while pending: only by a hand, trimming stops short of it."""
        logger.error("entry.vanished", stream=self.stream, group=self.group, entry_id=entry_id.decode())
        self._settled.append(entry_id)
        self._settled_some.set()

    def _open(self, entry_id: bytes, raw: bytes) -> Entry:
        try:
            return Entry(self, entry_id, raw, Envelope.decode(raw))
        except PoisonMessage as poison:
            return Entry(self, entry_id, raw, None, str(poison))

    async def _call(self, *words: Word, link: RedisLink | None = None) -> Any:
        """A command on the group; when the group is gone it is made again and the answer is None."""
        try:
            return await (link or self._link).call(*words)
        except ResponseError as error:
            if not is_group_missing(error):
                raise
            logger.warning("group.missing", stream=self.stream, group=self.group)
            await self.enter_group()
            return None

    def _free(self) -> int:
        return self._room - len(self._in_work) + self._parked

    async def _wait_for_room(self) -> None:
        while self._free() <= 0 and not self._stopping:
            self._freed.clear()
            await self._freed.wait()


def _payload(fields: Sequence[bytes]) -> bytes:
    """The envelope's bytes of an entry's flat list of fields and values; without that field, all there is."""
    if len(fields) == 2 and fields[0] == _FIELD:
        return fields[1]
    for name, value in zip(fields[::2], fields[1::2], strict=True):
        if name == _FIELD:
            return value
    return b" ".join(fields)
