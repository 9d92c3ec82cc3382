"""Published rows that are taken back, to be published again under new ids."""

from __future__ import annotations

from typing import LiteralString

from promenade_chassis.database import Connection
from promenade_chassis.events.stream_ids import StreamId

# That they wait again is the database's business, whoever takes them back: a trigger of the outbox.
_TAKE_BACK: LiteralString = """
UPDATE outbox SET published_at = NULL, stream_id = NULL WHERE stream_id IS NOT NULL
AND (split_part(stream_id, '-', 1)::numeric, split_part(stream_id, '-', 2)::numeric)
"""
_BEYOND = _TAKE_BACK + "> (%(milliseconds)s, %(number)s)"
_UP_TO = _TAKE_BACK + "<= (%(milliseconds)s, %(number)s)"


async def take_back_beyond(connection: Connection, beyond: StreamId) -> int:
    """Take back what has a higher id; answers how many rows."""
    return await _take_back(connection, _BEYOND, beyond)


async def take_back_up_to(connection: Connection, last: StreamId) -> int:
    """Take back what has this id or a lower one; answers how many rows."""
    return await _take_back(connection, _UP_TO, last)


async def _take_back(connection: Connection, statement: LiteralString, bound: StreamId) -> int:
    values = {"milliseconds": bound.milliseconds, "number": bound.number}
    return (await connection.execute(statement, values)).rowcount
