"""Finding events, and what a consumer did with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.records import ReactionTo, RecordedEvent, SubjectPlace
from promenade_chassis.events.operator.types import like_of

FULL_PAGE = 1_000
"""So many events are answered at most where the caller sets no limit."""
_LONGEST_TRACE = 2_000
_COLUMNS: LiteralString = "seq, envelope, created_at, published_at, stream_id"

_BY_ID: LiteralString = f"SELECT {_COLUMNS} FROM outbox WHERE event_id = %(id)s ORDER BY seq"
_BY_CORRELATIONS: LiteralString = f"""
SELECT {_COLUMNS} FROM outbox WHERE correlation_id = ANY(%(correlations)s) ORDER BY seq LIMIT %(limit)s
"""
_CORRELATIONS = """
SELECT DISTINCT correlation_id FROM outbox
WHERE event_id = %(id)s OR subject = %(id)s OR correlation_id = %(text)s
"""
_CORRELATION = "SELECT DISTINCT correlation_id FROM outbox WHERE correlation_id = %(text)s"
_MENTIONED_IN = """
SELECT DISTINCT correlation_id FROM outbox WHERE position(%(quoted)s::bytea IN envelope) > 0 LIMIT 100
"""
_NEXT: LiteralString = f"""
SELECT {_COLUMNS} FROM outbox
WHERE seq > %(after)s AND NOT seq = ANY(%(seen)s::bigint[]) AND type LIKE %(type)s
  AND (%(subject)s::uuid IS NULL OR subject = %(subject)s)
  AND (%(correlation)s::text IS NULL OR correlation_id = %(correlation)s)
ORDER BY seq LIMIT %(limit)s
"""
_LAST: LiteralString = f"""
SELECT * FROM (
    SELECT {_COLUMNS} FROM outbox
    WHERE type LIKE %(type)s AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
      AND (%(subject)s::uuid IS NULL OR subject = %(subject)s)
      AND (%(correlation)s::text IS NULL OR correlation_id = %(correlation)s)
    ORDER BY seq DESC LIMIT %(limit)s) AS last
ORDER BY seq
"""
_BETWEEN: LiteralString = f"""
SELECT {_COLUMNS} FROM outbox
WHERE seq > %(after)s AND created_at >= %(since)s AND created_at < %(until)s
  AND EXISTS (SELECT FROM outbox AS form WHERE form.subject = outbox.subject AND form.sequence = outbox.sequence
              AND form.type LIKE %(type)s)
  AND (%(subject)s::uuid IS NULL OR subject = %(subject)s)
  AND (%(correlation)s::text IS NULL OR correlation_id = %(correlation)s)
ORDER BY seq LIMIT %(limit)s
"""
_NEWEST = "SELECT coalesce(max(seq), 0) AS seq FROM outbox"
_REACTIONS = """
SELECT event_id, reaction, 'handled' AS state, handled_at AS at, 0 AS attempts,
       NULL::timestamptz AS next_at, '' AS error, NULL::uuid AS dead_letter
FROM inbox WHERE event_id = ANY(%(ids)s)
UNION ALL
SELECT event_id, reaction, 'waiting', first_at, attempts, next_at, last_error, NULL
FROM attempt WHERE event_id = ANY(%(ids)s)
UNION ALL
SELECT event_id, reaction, 'replaying', requested_at, attempts, next_at, last_error, NULL
FROM redelivery WHERE event_id = ANY(%(ids)s)
UNION ALL
SELECT event_id, reaction,
       CASE WHEN discarded_at IS NOT NULL THEN 'discarded' WHEN replayed_at IS NOT NULL THEN 'replayed' ELSE 'dead' END,
       coalesce(discarded_at, replayed_at, created_at), attempts, NULL, reason, id
FROM dead_letter WHERE event_id = ANY(%(ids)s)
ORDER BY at
"""
_PLACE = """
SELECT sequence, updated_at FROM subject_progress WHERE source = %(source)s AND subject = %(subject)s
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which events: of a type (`order.*`), about a subject, of a process. What is empty asks for nothing."""

    type: str = ""
    subject: UUID | None = None
    correlation: str | None = None

    def values(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return {"type": like_of(self.type), "subject": self.subject, "correlation": self.correlation}


async def events_by_id(connection: Connection, context: str, event_id: UUID) -> list[RecordedEvent]:
    """The event; two when the fact was published in two forms (`.v1`, `.v2`)."""
    return _events(context, await (await connection.execute(_BY_ID, {"id": event_id})).fetchall())


async def events_of_processes(
    connection: Connection, context: str, correlations: Sequence[str], *, limit: int = _LONGEST_TRACE
) -> list[RecordedEvent]:
    """What a context recorded in these processes."""
    values = {"correlations": list(correlations), "limit": limit}
    return _events(context, await (await connection.execute(_BY_CORRELATIONS, values)).fetchall())


async def processes_of(connection: Connection, text: str) -> list[str]:
    """The correlation ids that a text stands for: one itself, or the id of an event or of a subject."""
    event_id = uuid_of(text)
    statement = _CORRELATION if event_id is None else _CORRELATIONS
    rows = await (await connection.execute(statement, {"id": event_id, "text": text})).fetchall()
    return [row["correlation_id"] for row in rows]


async def processes_mentioning(connection: Connection, text: str) -> list[str]:
    """The processes whose events have the text as a value, such as an order's number. Reads the whole outbox."""
    rows = await (await connection.execute(_MENTIONED_IN, {"quoted": msgspec.json.encode(text)})).fetchall()
    return [row["correlation_id"] for row in rows]


async def last_events(
    connection: Connection, context: str, wanted: Wanted, *, limit: int, since: datetime | None = None
) -> list[RecordedEvent]:
    """The last so many events, oldest first."""
    values = {**wanted.values(), "limit": limit, "since": since}
    return _events(context, await (await connection.execute(_LAST, values)).fetchall())


async def events_between(
    connection: Connection,
    context: str,
    wanted: Wanted,
    *,
    since: datetime,
    until: datetime,
    after: int = 0,
    limit: int = 500,
) -> list[RecordedEvent]:
    """A page of what was recorded in [since, until), beyond the number `after`.

    Of a fact in several forms (`.v1`, `.v2`) all, when one of them is of the type that is wanted.
    """
    values = {**wanted.values(), "since": since, "until": until, "after": after, "limit": limit}
    return _events(context, await (await connection.execute(_BETWEEN, values)).fetchall())


async def newest_seq(connection: Connection) -> int:
    """The highest number in the outbox so far."""
    row = await (await connection.execute(_NEWEST)).fetchone()
    return row["seq"] if row else 0


async def next_events(
    connection: Connection, context: str, wanted: Wanted, *, after: int, seen: Sequence[int]
) -> list[RecordedEvent]:
    """What was recorded beyond `after` and not seen: numbers commit out of order, so `after` lies some way back."""
    values = {**wanted.values(), "after": after, "seen": list(seen), "limit": FULL_PAGE}
    return _events(context, await (await connection.execute(_NEXT, values)).fetchall())


async def reactions_to(connection: Connection, context: str, event_ids: Sequence[UUID]) -> list[ReactionTo]:
    """What this context's reactions did with these events, in order of time."""
    rows = await (await connection.execute(_REACTIONS, {"ids": list(event_ids)})).fetchall()
    return [ReactionTo(context=context, **row) for row in rows]


async def place_of_subject(connection: Connection, context: str, source: str, subject: UUID) -> SubjectPlace:
    """How far this context is with a subject."""
    row = await (await connection.execute(_PLACE, {"source": source, "subject": subject})).fetchone()
    if row is None:
        return SubjectPlace(context=context, settled=None, updated_at=None)
    return SubjectPlace(context=context, settled=row["sequence"], updated_at=row["updated_at"])


def uuid_of(text: str) -> UUID | None:
    """The UUID a text is, None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _events(context: str, rows: Sequence[dict[str, Any]]) -> list[RecordedEvent]:
    found = [(row, _envelope(row["envelope"])) for row in rows]
    return [
        RecordedEvent(
            context=context,
            seq=row["seq"],
            envelope=envelope,
            recorded_at=row["created_at"],
            published_at=row["published_at"],
            stream_id=row["stream_id"],
        )
        for row, envelope in found
        if envelope is not None
    ]


def _envelope(raw: bytes) -> Envelope | None:
    try:
        return Envelope.decode(bytes(raw))
    except PoisonMessage:  # never written by `outbox.append`
        return None
