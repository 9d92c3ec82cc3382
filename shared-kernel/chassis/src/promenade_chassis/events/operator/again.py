"""Running a reaction again to what it has handled: `replay --reaction NAME --again`.

For a reaction whose effect was wrong, or is wanted once more: the operator knows that it may be done twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from promenade_kernel.values.ids import new_id

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.records import RecordedEvent

_COUNT = "SELECT count(*) AS handled FROM inbox WHERE reaction = %(reaction)s AND event_id = ANY(%(events)s)"
_AGAIN = """
WITH cleared AS (
    DELETE FROM inbox WHERE reaction = %(reaction)s AND event_id = ANY(%(events)s) RETURNING event_id
)
INSERT INTO redelivery (id, event_id, reaction, subject, sequence, envelope)
SELECT DISTINCT ON (owed.event_id) owed.id, owed.event_id, %(reaction)s, owed.subject, owed.sequence, owed.envelope
FROM unnest(%(ids)s::uuid[], %(events)s::uuid[], %(subjects)s::uuid[], %(sequences)s::bigint[], %(envelopes)s::bytea[])
     AS owed(id, event_id, subject, sequence, envelope)
JOIN cleared USING (event_id)
ON CONFLICT DO NOTHING
"""


async def handled_by(connection: Connection, reaction: str, events: Sequence[RecordedEvent]) -> int:
    """How many of these events the reaction has handled."""
    values = {"reaction": reaction, "events": [each.envelope.id for each in events]}
    row = await (await connection.execute(_COUNT, values)).fetchone()
    return row["handled"] if row else 0


async def run_again(connection: Connection, reaction: str, events: Sequence[RecordedEvent]) -> int:
    """Forget that the reaction handled these events and owe it to each once more, in one transaction.

    What it has not handled is not touched: that comes by itself, or is a dead letter. Answers how many it will handle.
    """
    values = {
        "reaction": reaction,
        "ids": [new_id() for _ in events],
        "events": [each.envelope.id for each in events],
        "subjects": [each.envelope.subject for each in events],
        "sequences": [each.envelope.sequence for each in events],
        "envelopes": [each.envelope.encode() for each in events],
    }
    return (await connection.execute(_AGAIN, values)).rowcount
