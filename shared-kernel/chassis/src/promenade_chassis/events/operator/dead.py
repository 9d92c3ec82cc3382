"""Dead letters of one context: list, show, replay, discard.

What a replay is, step by step, says `promenade_chassis.events.redelivery`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.records import DeadLetterRecord, WholeDeadLetter
from promenade_chassis.events.operator.types import like_of
from promenade_chassis.events.place import read_facts

_COLUMNS: LiteralString = """
id, event_id, reaction, type, source, subject, reason, attempts, created_at, replayed_at, discarded_at, discard_reason
"""
_MATCHING: LiteralString = """
(%(type)s = '%%' OR type LIKE %(type)s)
AND (%(reaction)s::text IS NULL OR reaction = %(reaction)s OR split_part(reaction, '.', 2) = %(reaction)s)
AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
"""
_LIST: LiteralString = f"""
SELECT * FROM (
    SELECT {_COLUMNS} FROM dead_letter
    WHERE {_MATCHING} AND (%(closed)s OR (replayed_at IS NULL AND discarded_at IS NULL))
    ORDER BY created_at DESC LIMIT %(limit)s) AS newest
ORDER BY created_at
"""
_SHOW: LiteralString = f"SELECT {_COLUMNS}, envelope, traceback FROM dead_letter WHERE id = %(id)s"
_BY_EVENT = "SELECT id FROM dead_letter WHERE event_id = %(id)s ORDER BY created_at"
_MARK_REPLAYED = """
UPDATE dead_letter SET replayed_at = now()
WHERE id = %(id)s AND replayed_at IS NULL AND discarded_at IS NULL
RETURNING event_id, reaction, envelope
"""
_REDELIVER = """
INSERT INTO redelivery (id, event_id, reaction, subject, sequence, envelope)
VALUES (%(id)s, %(event_id)s, %(reaction)s, %(subject)s, %(sequence)s, %(envelope)s)
ON CONFLICT DO NOTHING
"""
_DISCARD = """
WITH waiting AS (DELETE FROM redelivery WHERE id = %(id)s RETURNING id)
UPDATE dead_letter SET discarded_at = now(), discard_reason = %(reason)s
WHERE id = %(id)s AND discarded_at IS NULL AND (replayed_at IS NULL OR EXISTS (SELECT FROM waiting))
"""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters: of a type (`order.*`), of a reaction (with or without its context), written since.

    Those already replayed or discarded only when `closed`.
    """

    type: str = ""
    reaction: str | None = None
    since: datetime | None = None
    closed: bool = False


async def list_dead(
    connection: Connection, context: str, chosen: Filter, *, limit: int | None = None
) -> list[DeadLetterRecord]:
    """The dead letters, oldest first; with a limit the newest so many."""
    values = {
        "type": like_of(chosen.type),
        "reaction": chosen.reaction,
        "since": chosen.since,
        "closed": chosen.closed,
        "limit": limit,
    }
    rows = await (await connection.execute(_LIST, values)).fetchall()
    return [DeadLetterRecord(context=context, **row) for row in rows]


async def show_dead(connection: Connection, context: str, letter_id: UUID) -> WholeDeadLetter | None:
    """One dead letter with all there is."""
    row = await (await connection.execute(_SHOW, {"id": letter_id})).fetchone()
    if row is None:
        return None
    raw: bytes = bytes(row.pop("envelope"))
    return WholeDeadLetter(context=context, envelope=raw.decode("utf-8", "backslashreplace"), **row)


async def ids_of(connection: Connection, some_id: UUID) -> list[UUID]:
    """The dead letter of that id, or those of the event of that id."""
    if await (await connection.execute(_SHOW, {"id": some_id})).fetchone() is not None:
        return [some_id]
    return [row["id"] for row in await (await connection.execute(_BY_EVENT, {"id": some_id})).fetchall()]


async def replay_dead(connection: Connection, letter_id: UUID) -> bool:
    """Have the reaction run again, once; False when the dead letter is not open (any more)."""
    async with connection.transaction():
        row = await (await connection.execute(_MARK_REPLAYED, {"id": letter_id})).fetchone()
        if row is None:
            return False
        await connection.execute(_REDELIVER, {"id": letter_id, **row, **_place(row)})
    return True


async def discard_dead(connection: Connection, letter_id: UUID, reason: str) -> bool:
    """Close it for good and keep the row, also while its replay waits; False when there is nothing to discard."""
    if not reason.strip():
        raise ValueError("discarding needs a reason")
    cursor = await connection.execute(_DISCARD, {"id": letter_id, "reason": reason.strip()})
    return cursor.rowcount == 1


def _place(row: dict[str, Any]) -> dict[str, Any]:
    facts = read_facts(bytes(row["envelope"]))
    return {"subject": facts.subject if facts else None, "sequence": facts.sequence if facts else None}
