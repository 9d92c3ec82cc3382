"""Bulk inserts with ids that rise with time (ours, version 7) against random ones (version 4)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Literal

import psycopg
from engines import Rig
from measure import Contender, Goal, Reading, Row, Watch
from promenade_kernel.values.ids import new_event_id

SHORT, LONG, BATCH = 1_000_000, 5_000_000, 10_000
V4 = "UUIDv4"
_MAKERS: dict[str, Callable[[], uuid.UUID]] = {"v7": new_event_id, "v4": uuid.uuid4}

_PARCEL = """
DROP TABLE IF EXISTS parcel;
CREATE TABLE parcel (
    id uuid PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL, amount bigint NOT NULL,
    note text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON parcel (customer_id);
"""
_INSERT = """
INSERT INTO parcel (id, customer_id, status, amount, note)
SELECT id, n %% 10000, 'placed', n * 7, 'left with the neighbours on the second floor'
FROM ids WHERE n > %(after)s AND n <= %(upto)s
"""


def _inserted(kind: Literal["v7", "v4"]) -> Callable[[Rig], Reading]:
    def run(rig: Rig) -> Reading:
        rows = LONG if rig.long else SHORT
        with psycopg.connect(rig.database_url, autocommit=True) as connection:
            _stage(connection, kind, rows)
            connection.execute(_PARCEL)
            rig.checkpoint()
            with Watch() as watch:
                for after in range(0, rows, BATCH):
                    connection.execute(_INSERT, {"after": after, "upto": after + BATCH})
            count, size = connection.execute("SELECT count(*), pg_relation_size('parcel_pkey') FROM parcel").fetchone()
            connection.execute("DROP TABLE parcel, ids")
        assert count == rows
        return watch.reading(rows, facts={"primary key, MiB": round(size / 2**20, 1)})

    return run


def _stage(connection: psycopg.Connection[tuple[object, ...]], kind: str, rows: int) -> None:
    """The ids beforehand, made by the generator that services use: making them is another row."""
    make = _MAKERS[kind]
    connection.execute("DROP TABLE IF EXISTS ids")
    connection.execute("CREATE UNLOGGED TABLE ids (n bigint, id uuid)")
    with connection.cursor().copy("COPY ids (n, id) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "uuid"])
        for number in range(1, rows + 1):
            copy.write_row((number, make()))
    connection.execute("CREATE INDEX ON ids (n)")


ROWS = [
    Row(
        "uuid-inserts",
        "bulk inserts, primary key UUIDv7 against UUIDv4, commits of 10,000",
        "rows/s",
        Contender("UUIDv7", _inserted("v7")),
        [Contender(V4, _inserted("v4"))],
        goals=[Goal("show the ratio; faster", V4, least=1.0)],
        warm_up=False,
        long=True,
    ),
]
