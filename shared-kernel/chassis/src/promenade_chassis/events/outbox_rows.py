"""The outbox as an operator sees it: how much waits, and publishing again.

Besides the relay and its outlets the only place that knows what makes a row unpublished.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from promenade_chassis.database import Connection

_BATCH = 1_000

_BACKLOG = """
SELECT count(*) AS depth, coalesce(extract(epoch FROM now() - min(since)), 0)::float8 AS oldest_seconds
FROM outbox_pending JOIN outbox USING (seq) WHERE published_at IS NULL
"""
# What is unpublished waits for the relay again: the database sees to that itself.
_UNPUBLISH = """
UPDATE outbox SET published_at = NULL, stream_id = NULL
WHERE seq IN (
    SELECT seq FROM outbox
    WHERE seq > %(after)s AND published_at IS NOT NULL AND type LIKE %(type)s
      AND created_at >= %(since)s AND created_at < %(until)s
    ORDER BY seq LIMIT %(batch)s)
RETURNING seq
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many rows wait to be published, and for how many seconds the first of them has: not how old its event is."""

    depth: int
    oldest_seconds: float


async def backlog(connection: Connection) -> Backlog:
    """What waits in the outbox."""
    row = await (await connection.execute(_BACKLOG)).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    return Backlog(row["depth"], row["oldest_seconds"])


async def publish_again(connection: Connection, *, since: datetime, until: datetime, type_like: str = "%") -> int:
    """Let the relay publish what was recorded in [since, until) once more; answers how many events.

    Consumers acknowledge what took effect before. In batches, each committed for itself: begun again it goes on.
    """
    total, after = 0, 0
    bounds = {"since": since, "until": until, "type": type_like, "batch": _BATCH}
    while True:
        rows = await (await connection.execute(_UNPUBLISH, {**bounds, "after": after})).fetchall()
        if not rows:
            return total
        total += len(rows)
        after = max(row["seq"] for row in rows)
