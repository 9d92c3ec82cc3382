"""What each consumer group had acknowledged when last noted; in PostgreSQL, where a loss of Redis cannot take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from promenade_chassis.database import Connection
from promenade_chassis.events.stream_ids import NOTHING, StreamId

_KNOWN = """
SELECT name, acknowledged_id, noted_at < now() - interval '1 hour' AS is_stale
FROM stream_group WHERE stream = %(stream)s
"""
_NOTE = """
INSERT INTO stream_group (stream, name, acknowledged_id) VALUES (%(stream)s, %(name)s, %(id)s)
ON CONFLICT (stream, name) DO UPDATE SET acknowledged_id = EXCLUDED.acknowledged_id, noted_at = now()
"""
_LIVING = """
SELECT acknowledged_id FROM stream_group WHERE stream = %(stream)s AND noted_at > now() - %(retention)s
"""


async def note_groups(connection: Connection, stream: str, acknowledged: Mapping[str, StreamId]) -> None:
    """Write down what changed. Notes only rise: an effect that committed stays committed when a group begins anew."""
    rows = await (await connection.execute(_KNOWN, {"stream": stream})).fetchall()
    known = {row["name"]: (StreamId.parse(row["acknowledged_id"]), row["is_stale"]) for row in rows}
    for name, reached in acknowledged.items():
        noted, is_stale = known.get(name, (NOTHING, True))
        if reached > noted or is_stale:
            await connection.execute(_NOTE, {"stream": stream, "name": name, "id": str(max(reached, noted))})


async def lowest_acknowledged(connection: Connection, stream: str, retention: timedelta) -> StreamId | None:
    """The id up to which every group had acknowledged; None when no group was ever noted.

    A group unseen for longer than the stream keeps its entries has nothing to wait for any more.
    """
    rows = await (await connection.execute(_LIVING, {"stream": stream, "retention": retention})).fetchall()
    return min((StreamId.parse(row["acknowledged_id"]) for row in rows), default=None)
