"""From the outbox to the stream: fenced, and healing what Redis lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Connection
from promenade_chassis.events.place import read_facts
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.scripts import Appended, append, survey
from promenade_chassis.events.stream_groups import lowest_acknowledged, note_groups
from promenade_chassis.events.stream_ids import NOTHING, StreamId

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_BATCH = 500
_COMPARE_SECONDS = 1.0
_NOTE_SECONDS = 5.0
_TRIM_SECONDS = 60.0

_ENTER = "INSERT INTO stream_state (stream) VALUES (%(stream)s) ON CONFLICT DO NOTHING"
_LOAD = "SELECT last_id, floor_id FROM stream_state WHERE stream = %(stream)s"
_UNPUBLISHED = "SELECT seq, envelope FROM outbox WHERE published_at IS NULL ORDER BY seq LIMIT %(batch)s"
_MARK = """
WITH marked AS (
    UPDATE outbox SET published_at = now(), stream_id = entry.id
    FROM unnest(%(seqs)s::bigint[], %(ids)s::text[]) AS entry(seq, id) WHERE outbox.seq = entry.seq
)
UPDATE stream_state SET last_id = %(last_id)s WHERE stream = %(stream)s
"""
_MARK_FOUND = """
WITH marked AS (
    UPDATE outbox SET published_at = now(), stream_id = entry.id
    FROM unnest(%(events)s::uuid[], %(types)s::text[], %(ids)s::text[]) AS entry(event_id, type, id)
    WHERE outbox.event_id = entry.event_id AND outbox.type = entry.type AND outbox.published_at IS NULL
)
UPDATE stream_state SET last_id = %(last_id)s WHERE stream = %(stream)s
"""
_UNMARK = """
UPDATE outbox SET published_at = NULL, stream_id = NULL
WHERE stream_id IS NOT NULL
  AND (split_part(stream_id, '-', 1)::numeric, split_part(stream_id, '-', 2)::numeric) > (%(ms)s, %(number)s)
"""
_RESTART = "UPDATE stream_state SET last_id = %(last_id)s, floor_id = %(floor_id)s WHERE stream = %(stream)s"


class StreamOutlet:
    """Appends only where it left off.

    The stream's last-generated-id is compared with the remembered one in the step that appends, and once a second
    while idle. Newer: a relay died before marking, what it appended is marked. Older, or the remembered entry is gone:
    Redis lost data, and what some group had not acknowledged is published again, in order, under ids above all before.
    """

    def __init__(self, link: RedisLink, stream: str, settings: EventsSettings) -> None:
        self._link = link
        self._stream = stream
        self._retention = timedelta(days=settings.stream_retention_days)
        self._remembered = NOTHING
        self._floor = NOTHING
        self._compare_at = self._note_at = self._trim_at = 0.0

    def attach(self, wake: Callable[[], None]) -> None:
        """See `Outlet.attach`: everything is done before `publish` answers."""

    async def take_over(self, connection: Connection) -> None:
        """See `Outlet.take_over`."""
        await connection.execute(_ENTER, {"stream": self._stream})
        row = await (await connection.execute(_LOAD, {"stream": self._stream})).fetchone()
        assert row is not None  # noqa: S101 - entered above
        self._remembered, self._floor = StreamId.parse(row["last_id"]), StreamId.parse(row["floor_id"])
        self._compare_at = self._note_at = self._trim_at = 0.0

    async def publish(self, connection: Connection) -> bool:
        """See `Outlet.publish`."""
        cursor = await connection.execute(_UNPUBLISHED, {"batch": _BATCH})
        rows = await cursor.fetchall()
        if not rows:
            return False
        answer = await self._append([row["envelope"] for row in rows])
        if answer.found != self._remembered:
            await self._heal(connection, answer)
            return True
        await self._mark(connection, [row["seq"] for row in rows], answer.ids)
        return len(rows) == _BATCH

    async def rest(self, connection: Connection) -> None:
        """See `Outlet.rest`."""
        now = time.monotonic()
        if now >= self._compare_at:
            answer = await self._append([])
            if answer.found != self._remembered:
                await self._heal(connection, answer)
                return
        if now >= self._note_at:
            self._note_at = now + _NOTE_SECONDS
            await self._note(connection)

    async def close(self) -> None:
        """See `Outlet.close`."""
        await self._link.close()

    async def _append(self, envelopes: list[bytes]) -> Appended:
        self._compare_at = time.monotonic() + _COMPARE_SECONDS
        return await append(self._link, self._stream, self._remembered, envelopes, floor=self._floor)

    async def _mark(self, connection: Connection, seqs: list[int], ids: tuple[StreamId, ...]) -> None:
        values = {"seqs": seqs, "ids": [str(each) for each in ids], "last_id": str(ids[-1]), "stream": self._stream}
        await connection.execute(_MARK, values)
        self._remembered = ids[-1]
        logger.debug("outbox.published", stream=self._stream, events=len(seqs), last_id=values["last_id"])

    async def _heal(self, connection: Connection, answer: Appended) -> None:
        if answer.found > self._remembered and answer.kept:
            await self._catch_up(connection, answer.found)
        else:
            await self._publish_again(connection, answer)

    async def _catch_up(self, connection: Connection, found: StreamId) -> None:
        """Mark what was appended and not marked, page by page; each page is committed with the id it ends at."""
        logger.warning("relay.catching-up", stream=self._stream, remembered=str(self._remembered), found=str(found))
        while page := await self._entries_after(self._remembered, found):
            last = StreamId.parse(page[-1][0])
            await connection.execute(_MARK_FOUND, {**_facts_of(page), "last_id": str(last), "stream": self._stream})
            self._remembered = last
        if self._remembered != found:  # the last entries were deleted by a hand
            await connection.execute(_MARK_FOUND, {**_facts_of([]), "last_id": str(found), "stream": self._stream})
            self._remembered = found

    async def _entries_after(self, after: StreamId, upto: StreamId) -> list[Any]:
        return await self._link.call("XRANGE", self._stream, f"({after}", str(upto), "COUNT", _BATCH)

    async def _publish_again(self, connection: Connection, answer: Appended) -> None:
        """Take the marks back, in one transaction with the id found: the ordinary way does the rest."""
        surviving = answer.found if answer.found < self._remembered else NOTHING
        floor = max(self._floor, self._remembered)
        async with connection.transaction():
            settled = await lowest_acknowledged(connection, self._stream, self._retention)
            beyond = max(surviving, settled or NOTHING)
            cursor = await connection.execute(_UNMARK, {"ms": beyond.milliseconds, "number": beyond.number})
            values = {"last_id": str(answer.found), "floor_id": str(floor), "stream": self._stream}
            await connection.execute(_RESTART, values)
        logger.error(
            "stream.lost-data",
            stream=self._stream,
            remembered=str(self._remembered),
            found=str(answer.found),
            publishing_again=cursor.rowcount,
        )
        self._remembered, self._floor = answer.found, floor

    async def _note(self, connection: Connection) -> None:
        """Note what every group has acknowledged, unless the stream is not what is remembered; trim behind it."""
        seen = await survey(self._link, self._stream)
        if seen.found != self._remembered:
            return
        await note_groups(connection, self._stream, seen.acknowledged)
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_SECONDS
            noted = await lowest_acknowledged(connection, self._stream, self._retention)
            # The groups that are there count as they are now; the notes add those that a loss of Redis took away.
            await self._trim([*seen.acknowledged.values(), *([] if noted is None else [noted])])

    async def _trim(self, acknowledged: list[StreamId]) -> None:
        """By age, and never past what some group has not acknowledged, nor the entry that proves nothing was lost."""
        aged = StreamId(int((time.time() - self._retention.total_seconds()) * 1000), 0)
        threshold = min(aged, self._remembered, *acknowledged)
        if threshold > NOTHING:
            trimmed = await self._link.call("XTRIM", self._stream, "MINID", "~", str(threshold))
            if trimmed:
                logger.info("stream.trimmed", stream=self._stream, entries=trimmed, below=str(threshold))


def _facts_of(page: list[Any]) -> dict[str, list[Any]]:
    """The events of stream entries, as columns; what is no event of ours has nothing to mark."""
    known = [(read_facts(fields[1]), entry_id.decode()) for entry_id, fields in page]
    found = [(facts, entry_id) for facts, entry_id in known if facts is not None]
    return {
        "events": [facts.id for facts, _ in found],
        "types": [facts.type for facts, _ in found],
        "ids": [entry_id for _, entry_id in found],
    }
