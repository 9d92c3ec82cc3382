"""Running a reaction again to what it has handled: `replay --reaction NAME --again`.

For a reaction whose effect was wrong, or is wanted once more: the operator knows that it may be done twice.

A fact that was published in several forms (`.v1`, `.v2`) runs in its oldest one: every reaction reads that, be it
because it is to that form, be it because the form is upcast. The others are passed over, whatever page they are on.
"""

from __future__ import annotations

from collections.abc import Sequence

from promenade_kernel.events.envelope import Envelope
from promenade_kernel.values.ids import new_id

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.records import RecordedEvent

_COUNT = "SELECT count(*) AS handled FROM inbox WHERE reaction = %(reaction)s AND event_id = ANY(%(events)s)"
_AGAIN = """
WITH cleared AS (
    DELETE FROM inbox WHERE reaction = %(reaction)s AND event_id = ANY(%(events)s) RETURNING event_id
)
INSERT INTO redelivery (id, event_id, reaction, subject, sequence, envelope)
SELECT owed.id, owed.event_id, %(reaction)s, owed.subject, owed.sequence, owed.envelope
FROM unnest(%(ids)s::uuid[], %(events)s::uuid[], %(subjects)s::uuid[], %(sequences)s::bigint[], %(envelopes)s::bytea[])
     AS owed(id, event_id, subject, sequence, envelope)
JOIN cleared USING (event_id)
ON CONFLICT DO NOTHING
"""


async def handled_by(connection: Connection, reaction: str, events: Sequence[RecordedEvent]) -> int:
    """How many of these events the reaction has handled."""
    values = {"reaction": reaction, "events": [each.id for each in _oldest_forms(events)]}
    row = await (await connection.execute(_COUNT, values)).fetchone()
    return row["handled"] if row else 0


async def run_again(connection: Connection, reaction: str, events: Sequence[RecordedEvent]) -> int:
    """Forget that the reaction handled these events and owe it to each once more, in one transaction.

    What it has not handled is not touched: that comes by itself, or is a dead letter. Answers how many it will handle.
    """
    envelopes = _oldest_forms(events)
    values = {
        "reaction": reaction,
        "ids": [new_id() for _ in envelopes],
        "events": [each.id for each in envelopes],
        "subjects": [each.subject for each in envelopes],
        "sequences": [each.sequence for each in envelopes],
        "envelopes": [each.encode() for each in envelopes],
    }
    return (await connection.execute(_AGAIN, values)).rowcount


def _oldest_forms(events: Sequence[RecordedEvent]) -> list[Envelope]:
    """One envelope an event; none where its oldest form is not among these."""
    oldest = {each.envelope.id: each.envelope for each in events if each.envelope.type == each.envelope.types[-1]}
    return list(oldest.values())
