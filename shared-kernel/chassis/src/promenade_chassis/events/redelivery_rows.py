"""The statements of `redelivery`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from promenade_kernel.events.envelope import Envelope
from promenade_kernel.values.ids import new_id

from promenade_chassis.database import Database
from promenade_chassis.events.place import read_facts
from promenade_chassis.events.stored_text import storable

_ANY_DUE = "SELECT EXISTS (SELECT FROM redelivery WHERE next_at <= clock_timestamp()) AS due"
_TAKE = """
SELECT id, event_id, reaction, envelope, attempts,
       extract(epoch FROM clock_timestamp() - requested_at)::float8 AS waited
FROM redelivery AS candidate
WHERE next_at <= clock_timestamp() AND reaction = ANY(%(reactions)s)
  AND NOT EXISTS (
    SELECT FROM redelivery AS earlier
    WHERE earlier.reaction = candidate.reaction AND earlier.subject = candidate.subject
      AND earlier.sequence < candidate.sequence)
ORDER BY next_at, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_LOCK_SUBJECT = "SELECT FROM subject_progress WHERE source = %(source)s AND subject = %(subject)s FOR UPDATE"
_REMEMBER = """
WITH forgotten AS (DELETE FROM attempt WHERE event_id = %(event_id)s AND reaction = %(reaction)s)
INSERT INTO inbox (event_id, reaction) VALUES (%(event_id)s, %(reaction)s) ON CONFLICT DO NOTHING
"""
_FORGET = "DELETE FROM redelivery WHERE id = %(id)s"
_DEAL = """
INSERT INTO redelivery (id, event_id, reaction, subject, sequence, envelope)
SELECT id, %(event_id)s, reaction, %(subject)s, %(sequence)s, %(envelope)s
FROM unnest(%(ids)s::uuid[], %(reactions)s::text[]) AS dealt(id, reaction)
ON CONFLICT DO NOTHING
"""
_POSTPONE = """
UPDATE redelivery SET attempts = %(attempts)s, last_error = %(error)s,
       next_at = clock_timestamp() + make_interval(secs => %(delay)s)
WHERE id = %(id)s
"""
_REOPEN = """
UPDATE dead_letter SET replayed_at = NULL, attempts = attempts + %(attempts)s, reason = %(reason)s,
       traceback = %(trace)s
WHERE id = %(id)s AND NOT EXISTS (
    SELECT FROM dead_letter AS other
    WHERE other.event_id = dead_letter.event_id AND other.reaction = dead_letter.reaction
      AND other.replayed_at IS NULL AND other.discarded_at IS NULL)
"""
_BURY = """
INSERT INTO dead_letter (id, event_id, reaction, type, source, subject, envelope, reason, attempts, traceback)
VALUES (%(id)s, %(event_id)s, %(reaction)s, %(type)s, %(source)s, %(subject)s, %(envelope)s, %(reason)s,
        %(attempts)s, %(trace)s)
ON CONFLICT DO NOTHING
"""


class RedeliveryRows:
    """All but `any_due`, `postpone` and `bury` is called inside a unit of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def any_due(self) -> bool:
        """Whether a row is due."""
        async with self._database.reading_connection() as connection:
            row = await (await connection.execute(_ANY_DUE)).fetchone()
        return row is not None and bool(row["due"])

    async def take(self, reactions: Sequence[str]) -> dict[str, Any] | None:
        """Lock a row that is due, the first of its subject, for one of these reactions."""
        cursor = await self._database.writing_connection().execute(_TAKE, {"reactions": list(reactions)})
        return await cursor.fetchone()

    async def lock_subject(self, envelope: Envelope) -> None:
        """Keep the lanes off the subject until the transaction ends."""
        place = {"source": envelope.source, "subject": envelope.subject}
        await self._database.writing_connection().execute(_LOCK_SUBJECT, place)

    async def remember(self, event_id: UUID, reaction: str) -> bool:
        """Add the inbox row; False when it is there already."""
        values = {"event_id": event_id, "reaction": reaction}
        return (await self._database.writing_connection().execute(_REMEMBER, values)).rowcount == 1

    async def forget(self, row_id: UUID) -> None:
        """The row is settled."""
        await self._database.writing_connection().execute(_FORGET, {"id": row_id})

    async def deal(self, row: dict[str, Any], envelope: Envelope, reactions: Sequence[str]) -> None:
        """Make one row a reaction out of one for nobody in particular."""
        values = {
            "event_id": envelope.id,
            "subject": envelope.subject,
            "sequence": envelope.sequence,
            "envelope": row["envelope"],
            "ids": [new_id() for _ in reactions],
            "reactions": list(reactions),
        }
        await self.forget(row["id"])
        await self._database.writing_connection().execute(_DEAL, values)

    async def postpone(self, row_id: UUID, *, attempts: int, delay: float, error: str) -> None:
        """Not before so many seconds."""
        values = {"id": row_id, "attempts": attempts, "delay": delay, "error": storable(error)}
        async with self._database.begin():
            await self._database.writing_connection().execute(_POSTPONE, values)

    async def bury(self, row: dict[str, Any], *, attempts: int, reason: str, trace: str) -> None:
        """Open the dead letter again that the row came from, or write one. Once: the row is gone with it.

        Nothing is opened where the event has an open one for this reaction: somebody decides about that.
        """
        facts = read_facts(bytes(row["envelope"]))
        values = {
            "id": row["id"],
            "event_id": row["event_id"],
            "reaction": row["reaction"],
            "type": storable(facts.type) if facts else None,
            "source": storable(facts.source) if facts else None,
            "subject": facts.subject if facts else None,
            "envelope": row["envelope"],
            "attempts": attempts,
            "reason": storable(reason),
            "trace": storable(trace),
        }
        async with self._database.begin():
            connection = self._database.writing_connection()
            if (await connection.execute(_FORGET, values)).rowcount == 0:
                return  # another replica, or an operator who discarded it, was faster
            if (await connection.execute(_REOPEN, values)).rowcount == 0:
                await connection.execute(_BURY, values)
