"""Writing events into the outbox: in the transaction that makes them true."""

from __future__ import annotations

from collections.abc import Sequence

from promenade_kernel.events.envelope import Envelope

from promenade_chassis.database import Connection

_APPEND = """
INSERT INTO outbox (event_id, subject, sequence, major, type, correlation_id, envelope)
SELECT * FROM unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(sequences)s::bigint[], %(majors)s::int[],
                     %(types)s::text[], %(correlations)s::text[], %(envelopes)s::bytea[])
"""


async def append(connection: Connection, envelopes: Sequence[Envelope]) -> None:
    """Write envelopes to the outbox, in order, in the caller's transaction."""
    await connection.execute(
        _APPEND,
        {
            "ids": [envelope.id for envelope in envelopes],
            "subjects": [envelope.subject for envelope in envelopes],
            "sequences": [envelope.sequence for envelope in envelopes],
            "majors": [major_of(envelope.type) for envelope in envelopes],
            "types": [envelope.type for envelope in envelopes],
            "correlations": [envelope.correlationid for envelope in envelopes],
            "envelopes": [envelope.encode() for envelope in envelopes],
        },
    )


def major_of(wire_type: str) -> int:
    """The major version of a wire type: 1 for `order.placed.v1`."""
    return int(wire_type.rpartition(".v")[2])
