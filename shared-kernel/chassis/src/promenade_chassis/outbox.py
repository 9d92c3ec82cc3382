"""Writing events into the outbox: in the transaction that makes them true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, LiteralString

from promenade_kernel.events.envelope import Envelope
from psycopg import AsyncConnection
from psycopg.rows import DictRow

_INTO = "INSERT INTO outbox (event_id, subject, sequence, major, type, correlation_id, envelope)"
_EVENTS = """
SELECT * FROM unnest(%(event_ids)s::uuid[], %(event_subjects)s::uuid[], %(event_sequences)s::bigint[],
                     %(event_majors)s::int[], %(event_types)s::text[], %(event_correlations)s::text[],
                     %(event_envelopes)b::bytea[])
"""
# The usual case without arrays: adapting them takes the driver a third of the time of such a write.
_EVENT = """
SELECT %(event_ids)s::uuid, %(event_subjects)s::uuid, %(event_sequences)s::bigint, %(event_majors)s::int,
       %(event_types)s::text, %(event_correlations)s::text, %(event_envelopes)b::bytea
"""
# What ends the parts that come before the statement itself: `WITH a AS (…), b AS (…)`.
_END_OF_PARTS = "\n)\n"


async def append(connection: AsyncConnection[DictRow], envelopes: Sequence[Envelope]) -> None:
    """Write envelopes to the outbox, in order, in the caller's transaction."""
    await connection.execute(statement_for(envelopes), parameters_of(envelopes))


def statement_for(envelopes: Sequence[Envelope]) -> LiteralString:
    """The INSERT of these; its values are `parameters_of` them."""
    return _INTO + (_EVENT if len(envelopes) == 1 else _EVENTS)


@cache
def with_events(statement: LiteralString, *, single: bool) -> LiteralString | None:
    """One statement that changes a row and writes its events, these only if there was a row to change.

    Its row count is that of the events. None for a statement of a form that cannot be made part of another.
    """
    before, bare = "WITH ", statement.strip()
    if bare.startswith("WITH "):
        parts, _, bare = bare.rpartition(_END_OF_PARTS)
        before = f"{parts}\n), "
    if not bare.startswith(("INSERT", "UPDATE")) or "RETURNING" in bare:
        return None
    return (
        f"{before}saved AS ({bare}\nRETURNING 1)\n"
        f"{_INTO}{_EVENT if single else _EVENTS}WHERE EXISTS (SELECT FROM saved)"
    )


def parameters_of(envelopes: Sequence[Envelope]) -> dict[str, Any]:
    """The parameters of the statements here: arrays, or plain values of a single event."""
    columns: dict[str, list[Any]] = {
        "event_ids": [envelope.id for envelope in envelopes],
        "event_subjects": [envelope.subject for envelope in envelopes],
        "event_sequences": [envelope.sequence for envelope in envelopes],
        "event_majors": [major_of(envelope.type) for envelope in envelopes],
        "event_types": [envelope.type for envelope in envelopes],
        "event_correlations": [envelope.correlationid for envelope in envelopes],
        "event_envelopes": [envelope.encode() for envelope in envelopes],
    }
    return columns if len(envelopes) != 1 else {name: column[0] for name, column in columns.items()}


def major_of(wire_type: str) -> int:
    """The major version of a wire type: 1 for `order.placed.v1`."""
    return int(wire_type.rpartition(".v")[2])
