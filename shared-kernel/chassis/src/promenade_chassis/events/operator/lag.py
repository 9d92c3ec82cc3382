"""How far everybody is: outboxes, streams, groups, and what is stuck."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from promenade_kernel.events.envelope import source_of, stream_of
from redis.exceptions import ResponseError

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.records import Backlog, Gap, GroupLag, OutboxLag, ReactionTo, StreamLag
from promenade_chassis.events.outbox_rows import backlog
from promenade_chassis.events.place import Facts, read_facts
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.stream_ids import StreamId

STUCK_SECONDS = 3600
_LOOKED_AT = 200

_COUNTS = """
SELECT (SELECT count(*) FROM attempt) AS waiting,
       (SELECT count(*) FROM attempt WHERE first_at < now() - make_interval(secs => %(stuck)s))
       + (SELECT count(*) FROM redelivery
          WHERE event_id IS NOT NULL AND requested_at < now() - make_interval(secs => %(stuck)s)) AS stuck,
       (SELECT count(*) FROM redelivery) AS replays,
       (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL AND discarded_at IS NULL) AS dead
"""
_WAITING = """
SELECT event_id, reaction, 'waiting' AS state, first_at AS at, attempts, next_at, last_error AS error FROM attempt
UNION ALL
SELECT event_id, reaction, 'replaying', requested_at, attempts, next_at, last_error FROM redelivery
WHERE event_id IS NOT NULL
ORDER BY at LIMIT %(limit)s
"""
_PROGRESS = """
SELECT subject, sequence FROM subject_progress WHERE source = %(source)s AND subject = ANY(%(subjects)s)
"""


async def outbox_lag(connection: Connection, context: str) -> OutboxLag:
    """What waits to be published."""
    waits = await backlog(connection)
    return OutboxLag(context=context, depth=waits.depth, oldest_seconds=waits.oldest_seconds)


async def consumer_backlog(connection: Connection, context: str, *, limit: int = 20) -> Backlog:
    """What waits to be tried again, to be replayed, or for somebody to decide."""
    counts = await (await connection.execute(_COUNTS, {"stuck": STUCK_SECONDS})).fetchone()
    assert counts is not None  # noqa: S101 - an aggregate always answers
    rows = await (await connection.execute(_WAITING, {"limit": limit})).fetchall()
    return Backlog(
        context=context,
        waiting=[ReactionTo(context=context, **row) for row in rows],
        waiting_count=counts["waiting"],
        stuck_count=counts["stuck"],
        replays_count=counts["replays"],
        dead_open=counts["dead"],
    )


async def stream_lag(link: RedisLink, producer: str) -> StreamLag:
    """A producer's stream and all its groups; a stream that was never written to is empty."""
    stream = stream_of(producer)
    length = int(await link.call("XLEN", stream))
    try:
        last = _fields(await link.call("XINFO", "STREAM", stream))["last-generated-id"]
        groups = [_fields(each) for each in await link.call("XINFO", "GROUPS", stream)]
    except ResponseError as error:
        if "no such key" not in str(error):
            raise
        return StreamLag(stream=stream, length=0, groups=[])
    return StreamLag(stream=stream, length=length, groups=[await _group(link, stream, each, last) for each in groups])


async def _group(link: RedisLink, stream: str, fields: dict[str, Any], last: bytes) -> GroupLag:
    pending = int(fields["pending"])
    oldest = (await link.call("XPENDING", stream, fields["name"]))[1] if pending else None
    # Redis does not know the lag after entries were deleted; who has got the last one has none.
    lag = 0 if fields["last-delivered-id"] == last else fields.get("lag")
    return GroupLag(
        stream=stream,
        group=fields["name"].decode(),
        consumers=int(fields["consumers"]),
        pending=pending,
        lag=None if lag is None else int(lag),
        oldest_seconds=_age(oldest),
    )


async def gaps_in_front(
    connection: Connection, link: RedisLink, producer: str, consumer: str, *, older_than: float
) -> list[Gap]:
    """The subjects of a stream of which this consumer holds an event, for so many seconds, and misses an earlier one.

    Looks at the oldest 200 entries that are pending.
    """
    found: dict[UUID, tuple[Facts, float]] = {}
    for entry_id, facts in await _pending_facts(link, stream_of(producer), consumer, older_than):
        known = found.get(facts.subject)
        if known is None or facts.sequence < known[0].sequence:
            found[facts.subject] = (facts, _age(entry_id))
    if not found:
        return []
    values = {"source": source_of(producer), "subjects": list(found)}
    rows = await (await connection.execute(_PROGRESS, values)).fetchall()
    settled: dict[UUID, int] = {row["subject"]: row["sequence"] for row in rows}
    return [
        Gap(
            context=consumer,
            source=facts.source,
            subject=subject,
            missing=settled.get(subject, 0) + 1,
            waiting=facts.sequence,
            seconds=seconds,
        )
        for subject, (facts, seconds) in found.items()
        if facts.sequence > settled.get(subject, 0) + 1
    ]


async def _pending_facts(link: RedisLink, stream: str, group: str, older_than: float) -> list[tuple[bytes, Facts]]:
    newest = str(int((time.time() - older_than) * 1000))
    try:
        pending = await link.call("XPENDING", stream, group, "-", newest, _LOOKED_AT)
    except ResponseError:  # no stream, or the group is not there
        return []
    entries = await link.call_many([("XRANGE", stream, each[0], each[0]) for each in pending])
    read = [(entry[0][0], read_facts(entry[0][1][1])) for entry in entries if entry]
    return [(entry_id, facts) for entry_id, facts in read if facts is not None]


def _fields(flat: list[Any]) -> dict[str, Any]:
    return {key.decode(): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


def _age(entry_id: bytes | None) -> float:
    """Seconds since an entry was appended."""
    if entry_id is None:
        return 0.0
    return max(0.0, time.time() - StreamId.parse(entry_id).milliseconds / 1000)
