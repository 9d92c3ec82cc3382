"""What each consumer group had acknowledged when last noted; in PostgreSQL, where a loss of Redis cannot take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from promenade_chassis.database import Connection
from promenade_chassis.events.stream_ids import NOTHING, StreamId

# A group counts for as long after it was last seen as the stream keeps its entries: by when somebody last looked, so
# that no group is forgotten while nobody could look, as while Redis is away.
_KNOWN = """
SELECT name, acknowledged_id, noted_at < now() - interval '1 hour' AS is_stale,
    noted_at >= surveyed_at - %(retention)s::interval AS counts
FROM stream_group JOIN stream_state USING (stream) WHERE stream = %(stream)s
"""
_NOTE = """
INSERT INTO stream_group (stream, name, acknowledged_id) VALUES (%(stream)s, %(name)s, %(id)s)
ON CONFLICT (stream, name) DO UPDATE SET acknowledged_id = EXCLUDED.acknowledged_id, noted_at = now()
"""
_SURVEYED = """
UPDATE stream_state SET surveyed_at = now()
WHERE stream = %(stream)s AND surveyed_at < now() - interval '1 hour'
"""


async def note_groups(
    connection: Connection, stream: str, acknowledged: Mapping[str, StreamId], retention: timedelta
) -> list[str]:
    """Write down what changed; answers the groups that did not count before: new ones, or unseen for long.

    Notes only rise: an effect that committed stays committed when a group begins anew.
    """
    rows = await _known(connection, stream, retention)
    known = {row["name"]: (StreamId.parse(row["acknowledged_id"]), row["is_stale"]) for row in rows}
    for name, reached in acknowledged.items():
        noted, is_stale = known.get(name, (NOTHING, True))
        if reached > noted or is_stale:
            await connection.execute(_NOTE, {"stream": stream, "name": name, "id": str(max(reached, noted))})
    await connection.execute(_SURVEYED, {"stream": stream})
    counted = {row["name"] for row in rows if row["counts"]}
    return [name for name in acknowledged if name not in counted]


async def lowest_acknowledged(connection: Connection, stream: str, retention: timedelta) -> StreamId | None:
    """The id up to which every group had acknowledged; None when no group was ever noted.

    A group unseen for longer than the stream keeps its entries has nothing to wait for any more.
    """
    rows = await _known(connection, stream, retention)
    return min((StreamId.parse(row["acknowledged_id"]) for row in rows if row["counts"]), default=None)


async def _known(connection: Connection, stream: str, retention: timedelta) -> list[dict[str, Any]]:
    return await (await connection.execute(_KNOWN, {"stream": stream, "retention": retention})).fetchall()
