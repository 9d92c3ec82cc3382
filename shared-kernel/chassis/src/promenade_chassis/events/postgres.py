"""The ledger in the consumer's own PostgreSQL, in the transaction of the effects."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
from promenade_kernel.values.ids import new_id
from psycopg.rows import tuple_row

from promenade_chassis.columns import bigints, texts, uuids
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Connection, Database, TransactionUndone
from promenade_chassis.events.book import (
    AlreadyDone,
    Collision,
    DatabaseAway,
    DeadLetter,
    Locked,
    Reached,
    Standing,
)
from promenade_chassis.events.ledger import BookLedger
from promenade_chassis.events.place import Position
from promenade_chassis.events.reacting import Meters
from promenade_chassis.events.stored_text import storable
from promenade_chassis.events.together import ReactionFailed

_LOCK = """
SELECT sequence, extract(epoch FROM now() - updated_at)::float8 AS stood_for
FROM subject_progress WHERE source = %(source)s AND subject = %(subject)s FOR UPDATE
"""
_ENTER = """
INSERT INTO subject_progress (source, subject, sequence) VALUES (%(source)s, %(subject)s, 0) ON CONFLICT DO NOTHING
"""
_ADVANCE = """
UPDATE subject_progress SET sequence = %(sequence)s, updated_at = now()
WHERE source = %(source)s AND subject = %(subject)s
"""
_LOCK_ALL = """
WITH wanted AS (
    SELECT * FROM unnest(%(sources)b::text[], %(subjects)b::uuid[], %(hopes)b::bigint[])
                  WITH ORDINALITY AS wanted (source, subject, hope, place)
), entered AS (
    INSERT INTO subject_progress (source, subject, sequence)
    SELECT source, subject, hope FROM wanted ORDER BY source, subject
    ON CONFLICT DO NOTHING RETURNING source, subject
), locked AS (
    SELECT source, subject, sequence, extract(epoch FROM now() - updated_at)::float8 AS stood_for
    FROM subject_progress WHERE (source, subject) IN (SELECT source, subject FROM wanted)
    ORDER BY source, subject FOR UPDATE
)
SELECT coalesce(locked.sequence, 0), locked.stood_for, entered.source IS NOT NULL
FROM wanted LEFT JOIN entered USING (source, subject) LEFT JOIN locked USING (source, subject) ORDER BY place
"""
_TROUBLED = """
SELECT event_id FROM attempt WHERE event_id = ANY(%(events)b::uuid[])
UNION SELECT event_id FROM dead_letter WHERE event_id = ANY(%(events)b::uuid[])
"""
_SETTLE_ALL = """
WITH advanced AS (
    UPDATE subject_progress SET sequence = reached.sequence, updated_at = now()
    FROM unnest(%(sources)b::text[], %(subjects)b::uuid[], %(sequences)b::bigint[])
         AS reached (source, subject, sequence)
    WHERE subject_progress.source = reached.source AND subject_progress.subject = reached.subject
)
INSERT INTO inbox (event_id, reaction) SELECT * FROM unnest(%(events)b::uuid[], %(reactions)b::text[])
ON CONFLICT DO NOTHING
"""
_STANDINGS = """
SELECT reaction, true AS settled, 0 AS attempts, 0::float8 AS wait, 0::float8 AS waited
FROM inbox WHERE event_id = %(event_id)s
UNION ALL
SELECT reaction, true, attempts, 0, 0 FROM dead_letter WHERE event_id = %(event_id)s
UNION ALL
SELECT reaction, false, attempts, extract(epoch FROM next_at - clock_timestamp()),
       extract(epoch FROM clock_timestamp() - first_at)
FROM attempt WHERE event_id = %(event_id)s
ORDER BY settled
"""
_REMEMBER = """
WITH forgotten AS (DELETE FROM attempt WHERE event_id = %(event_id)s AND reaction = %(reaction)s)
INSERT INTO inbox (event_id, reaction) VALUES (%(event_id)s, %(reaction)s) ON CONFLICT DO NOTHING
"""
_POSTPONE = """
INSERT INTO attempt (event_id, reaction, attempts, first_at, next_at, last_error)
VALUES (%(event_id)s, %(reaction)s, %(attempts)s, clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(delay)s), %(error)s)
ON CONFLICT (event_id, reaction) DO UPDATE
SET attempts = EXCLUDED.attempts, next_at = EXCLUDED.next_at, last_error = EXCLUDED.last_error
"""
_BURY = """
WITH forgotten AS (DELETE FROM attempt WHERE event_id = %(event_id)s AND reaction = %(reaction)s)
INSERT INTO dead_letter (id, event_id, reaction, type, source, subject, envelope, reason, attempts, traceback)
VALUES (%(id)s, %(event_id)s, %(reaction)s, %(type)s, %(source)s, %(subject)s, %(envelope)s, %(reason)s,
        %(attempts)s, %(trace)s)
ON CONFLICT DO NOTHING
"""

_COLLISIONS = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.InFailedSqlTransaction,  # of a batch an earlier reaction swallowed the error
    TransactionUndone,  # the same
)
_AWAY_CLASSES = ("08", "53", "57")  # connection, resources, operator intervention
_STATEMENT_TIMEOUT = "57014"


def is_away(error: BaseException | None) -> bool:
    """Whether PostgreSQL cannot be reached or serves nobody, as opposed to refusing this work."""
    if not isinstance(error, psycopg.OperationalError):
        return False
    state = error.sqlstate
    return state is None or (state.startswith(_AWAY_CLASSES) and state != _STATEMENT_TIMEOUT)


class PostgresBook:
    """The chassis' tables in the consumer's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def begin(self, *, indivisible: bool = False) -> AsyncGenerator[None, None]:
        """The unit of work of reactions: what their use cases open inside is a savepoint, or an indivisible part."""
        connection: Connection | None = None
        try:
            async with self._database.begin(indivisible=indivisible):
                connection = self._database.writing_connection()
                yield
        except Exception as error:
            # A reaction may have wrapped what the driver raised; the broken connection still tells.
            reason = error.__cause__ if isinstance(error, ReactionFailed) else error
            if is_away(reason) or (connection is not None and connection.broken):
                raise DatabaseAway from reason
            if isinstance(reason, _COLLISIONS):
                raise Collision from reason
            raise

    async def lock(self, source: str, subject: UUID) -> Position:
        """See `Book.lock`. A subject seen for the first time gets a row, whose age is how long it is known."""
        connection, key = self._database.writing_connection(), {"source": source, "subject": subject}
        while (row := await (await connection.execute(_LOCK, key)).fetchone()) is None:
            if (await connection.execute(_ENTER, key)).rowcount == 1:
                return Position(last=0, stood_for=0.0)  # a row that is being inserted is as good as locked
        return Position(row["sequence"], row["stood_for"])

    async def lock_all(self, hopes: Sequence[Reached], events: Sequence[UUID]) -> Locked:
        """See `Book.lock_all`: new rows are entered and rows locked in the order of the key."""
        connection = self._database.writing_connection()
        sources, subjects, sequences = zip(*hopes, strict=True)
        async with connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(
                _LOCK_ALL,
                {"sources": texts(sources), "subjects": uuids(subjects), "hopes": bigints(sequences)},
                prepare=True,
            )
            rows = await cursor.fetchall()
            # In a statement of its own: what the lock was waited for may just have written them.
            await cursor.execute(_TROUBLED, {"events": uuids(events)}, prepare=True)
            troubled = {row[0] for row in await cursor.fetchall()}
        return Locked([_position(*row) for row in rows], [row[2] for row in rows], troubled)

    async def settle_all(self, done: Sequence[tuple[UUID, str]], reached: Sequence[Reached]) -> None:
        """See `Book.settle_all`: one statement."""
        values = {
            "events": uuids(event for event, _ in done),
            "reactions": texts(reaction for _, reaction in done),
            "sources": texts(each.source for each in reached),
            "subjects": uuids(each.subject for each in reached),
            "sequences": bigints(each.sequence for each in reached),
        }
        cursor = await self._database.writing_connection().execute(_SETTLE_ALL, values, prepare=True)
        if cursor.rowcount != len(done):
            raise AlreadyDone

    async def standings(self, event_id: UUID) -> Mapping[str, Standing]:
        """See `Book.standings`."""
        cursor = await self._database.writing_connection().execute(_STANDINGS, {"event_id": event_id})
        return {
            row["reaction"]: Standing(row["settled"], row["attempts"], row["wait"], row["waited"])
            for row in await cursor.fetchall()
        }

    async def remember(self, event_id: UUID, reaction: str) -> None:
        """See `Book.remember`."""
        values = {"event_id": event_id, "reaction": reaction}
        cursor = await self._database.writing_connection().execute(_REMEMBER, values)
        if cursor.rowcount != 1:
            raise AlreadyDone

    async def advance(self, source: str, subject: UUID, sequence: int) -> None:
        """See `Book.advance`."""
        await self._database.writing_connection().execute(
            _ADVANCE, {"source": source, "subject": subject, "sequence": sequence}
        )

    async def postpone(self, event_id: UUID, reaction: str, *, attempts: int, delay: float, error: str) -> None:
        """See `Book.postpone`."""
        values = {"event_id": event_id, "reaction": reaction, "attempts": attempts, "delay": delay}
        await self._database.writing_connection().execute(_POSTPONE, {**values, "error": storable(error)})

    async def bury(self, letter: DeadLetter) -> None:
        """See `Book.bury`. Without an event id the bytes themselves say whether it was written already."""
        facts = letter.facts
        values = {
            "id": new_id() if facts else UUID(bytes=hashlib.sha256(letter.envelope).digest()[:16], version=5),
            "event_id": facts.id if facts else None,
            "reaction": letter.reaction,
            "type": storable(facts.type) if facts else None,
            "source": storable(facts.source) if facts else None,
            "subject": facts.subject if facts else None,
            "envelope": letter.envelope,
            "reason": storable(letter.reason),
            "attempts": letter.attempts,
            "trace": storable(letter.trace),
        }
        await self._database.writing_connection().execute(_BURY, values)


class PostgresLedger(BookLedger):
    """The ledger of one context in its database."""

    def __init__(
        self, database: Database, context: str, settings: EventsSettings, meters: Meters | None = None
    ) -> None:
        super().__init__(PostgresBook(database), context, settings, meters=meters)


def _position(sequence: int, stood_for: float | None, entered: bool) -> Position | None:
    """None: somebody else entered the subject a moment ago, so that it could not be seen yet."""
    if entered:
        return Position(last=0, stood_for=0.0)
    return None if stood_for is None else Position(sequence, stood_for)
