"""From the outbox to the stream: fenced, and healing what Redis lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, LiteralString

import structlog
from psycopg.rows import tuple_row

from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Connection
from promenade_chassis.events.outbox_page import NO_PAGE, Page, page_of
from promenade_chassis.events.place import read_facts
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.scripts import Appended, append, survey
from promenade_chassis.events.stream_groups import lowest_acknowledged, note_groups
from promenade_chassis.events.stream_ids import NOTHING, StreamId
from promenade_chassis.events.supervision import together
from promenade_chassis.events.taken_back import take_back_beyond, take_back_up_to

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_PAGE_ROWS = 1_000
_PAGE_BYTES = 4 * 2**20  # what Redis is kept busy with at a time
_PAGES = 20
_COMPARE_SECONDS = 1.0
_NOTE_SECONDS = 5.0
_TRIM_SECONDS = 60.0
_VACUUM_ROWS = 100_000

_ENTER = "INSERT INTO stream_state (stream) VALUES (%(stream)s) ON CONFLICT DO NOTHING"
_LOAD = "SELECT last_id, floor_id FROM stream_state WHERE stream = %(stream)s"
# All that waits, from the lowest number: numbers commit out of order. No envelope: somebody else has marked the row.
_WAITING: LiteralString = """
SELECT waiting.seq, outbox.envelope
FROM (SELECT seq FROM outbox_pending WHERE NOT seq = ANY(%(under_way)s::bigint[])
      ORDER BY seq LIMIT %(rows)s) AS waiting
LEFT JOIN outbox ON outbox.seq = waiting.seq AND outbox.published_at IS NULL
ORDER BY waiting.seq
"""
_MARK = """
WITH done AS (DELETE FROM outbox_pending WHERE seq = ANY(%(seqs)s::bigint[])), marked AS (
    UPDATE outbox SET published_at = now(),
        stream_id = %(milliseconds)s::text || '-' || (%(number)s::numeric + entry.place - 1)
    FROM unnest(%(seqs)s::bigint[]) WITH ORDINALITY AS entry(seq, place) WHERE outbox.seq = entry.seq
)
UPDATE stream_state SET last_id = %(last_id)s WHERE stream = %(stream)s
"""
_MARK_FOUND = """
WITH marked AS (
    UPDATE outbox SET published_at = now(), stream_id = entry.id
    FROM unnest(%(events)s::uuid[], %(types)s::text[], %(ids)s::text[]) AS entry(event_id, type, id)
    WHERE outbox.event_id = entry.event_id AND outbox.type = entry.type AND outbox.published_at IS NULL
    RETURNING outbox.seq
), done AS (DELETE FROM outbox_pending USING marked WHERE outbox_pending.seq = marked.seq)
UPDATE stream_state SET last_id = %(last_id)s WHERE stream = %(stream)s
"""
# The rows are locked and looked at again: one that was taken back meanwhile waits for good reason.
_DROP = """
WITH published AS MATERIALIZED (
    SELECT seq FROM outbox WHERE seq = ANY(%(seqs)s::bigint[]) AND published_at IS NOT NULL ORDER BY seq FOR UPDATE
)
DELETE FROM outbox_pending AS waiting WHERE waiting.seq = ANY(%(seqs)s::bigint[]) AND (
    waiting.seq IN (SELECT seq FROM published)
    OR NOT EXISTS (SELECT FROM outbox WHERE outbox.seq = waiting.seq)
)
"""
# The waiting rows come and go at one end of their index; what is gone would be passed over again and again.
_VACUUM = "VACUUM (SKIP_LOCKED, TRUNCATE FALSE) outbox_pending"
_RESTART = "UPDATE stream_state SET last_id = %(last_id)s, floor_id = %(floor_id)s WHERE stream = %(stream)s"


class StreamOutlet:
    """Appends only where it left off.

    The stream's last-generated-id is compared with the remembered one in the step that appends, and once a second
    while idle. Newer: a relay died before marking, what it appended is marked. Older, or the remembered entry is gone:
    Redis lost data, and what some group had not acknowledged is published again, in order, under ids above all before;
    the rest, too, when a group appears that was not known then.
    """

    def __init__(self, link: RedisLink, stream: str, settings: EventsSettings) -> None:
        self._link = link
        self._stream = stream
        self._retention = timedelta(days=settings.stream_retention_days)
        self._remembered = NOTHING
        self._floor = NOTHING
        self._compare_at = self._note_at = self._trim_at = 0.0
        self._marked = 0

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
        """See `Outlet.publish`. While a page is appended, the one before is marked and the next one, if there is one,
        fetched; whoever commits after the last look wakes the relay.

        Dying in between leaves pages appended and not marked, which the next relay marks; and whatever is in
        flight, the step that appends compares.
        """
        page, appended = await self._fetch(connection, NO_PAGE), NO_PAGE
        for _ in range(_PAGES):
            if not page.seqs:
                break
            answer, following = await together(
                self._append(page.envelopes), self._mark_and_fetch(connection, appended, page)
            )
            if answer.first is None:
                await self._heal(connection, answer)
                return True
            appended, page = page.at(answer.first), following
            self._remembered = appended.last_id
        await self._mark(connection, appended)
        return bool(page.seqs)  # fetched, and not appended any more

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

    async def _append(self, envelopes: Sequence[bytes]) -> Appended:
        self._compare_at = time.monotonic() + _COMPARE_SECONDS
        return await append(self._link, self._stream, self._remembered, envelopes, floor=self._floor)

    async def _mark_and_fetch(self, connection: Connection, appended: Page, under_way: Page) -> Page:
        await self._mark(connection, appended)
        return await self._fetch(connection, under_way) if under_way.more else NO_PAGE

    async def _fetch(self, connection: Connection, under_way: Page) -> Page:
        async with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
            await cursor.execute(_WAITING, {"under_way": under_way.numbers(), "rows": _PAGE_ROWS})
            rows = await cursor.fetchall()
        gone = [seq for seq, envelope in rows if envelope is None]
        if gone:
            await connection.execute(_DROP, {"seqs": gone})
            return await self._fetch(connection, under_way)
        return page_of(rows, _PAGE_ROWS, _PAGE_BYTES)

    async def _mark(self, connection: Connection, page: Page) -> None:
        if page.first_id is None:
            return
        values = {
            "seqs": page.numbers(),
            "milliseconds": str(page.first_id.milliseconds),
            "number": page.first_id.number,
            "last_id": str(page.last_id),
            "stream": self._stream,
        }
        await connection.execute(_MARK, values)
        logger.debug("outbox.published", stream=self._stream, events=len(page.seqs), last_id=values["last_id"])
        self._marked += len(page.seqs)
        if self._marked >= _VACUUM_ROWS:
            self._marked = 0
            await connection.execute(_VACUUM)

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
        return await self._link.call("XRANGE", self._stream, f"({after}", str(upto), "COUNT", _PAGE_ROWS)

    async def _publish_again(self, connection: Connection, answer: Appended) -> None:
        """Take the marks back, in one transaction with the id found: the ordinary way does the rest."""
        surviving = answer.found if answer.found < self._remembered else NOTHING
        floor = max(self._floor, self._remembered)
        async with connection.transaction():
            # Where a part survived everything after it comes again: a hole would stop every group that comes later.
            settled = await lowest_acknowledged(connection, self._stream, self._retention)
            beyond = surviving if surviving > NOTHING else settled or NOTHING
            rows = await take_back_beyond(connection, beyond)
            values = {"last_id": str(answer.found), "floor_id": str(floor), "stream": self._stream}
            await connection.execute(_RESTART, values)
        logger.error(
            "stream.lost-data",
            stream=self._stream,
            remembered=str(self._remembered),
            found=str(answer.found),
            publishing_again=rows,
        )
        self._remembered, self._floor = answer.found, floor

    async def _note(self, connection: Connection) -> None:
        """Note what every group has acknowledged, unless the stream is not what is remembered; trim behind it."""
        seen = await survey(self._link, self._stream)
        if seen.found != self._remembered:
            return
        await self._note_groups(connection, seen.acknowledged)
        now = time.monotonic()
        if now >= self._trim_at:
            self._trim_at = now + _TRIM_SECONDS
            noted = await lowest_acknowledged(connection, self._stream, self._retention)
            # The groups that are there count as they are now; the notes add those that a loss of Redis took away.
            await self._trim([*seen.acknowledged.values(), *([] if noted is None else [noted])])

    async def _note_groups(self, connection: Connection, acknowledged: Mapping[str, StreamId]) -> None:
        """A group that nobody had noted when Redis lost data is given what was not published again for the others."""
        async with connection.transaction():
            appeared = await note_groups(connection, self._stream, acknowledged, self._retention)
            rows = await take_back_up_to(connection, self._floor) if appeared and self._floor > NOTHING else 0
        if rows:
            logger.warning("stream.group-lacks-data", stream=self._stream, groups=appeared, publishing_again=rows)

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
