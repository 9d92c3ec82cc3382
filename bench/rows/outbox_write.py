"""Writing an aggregate with its event, each in a durable commit of its own, by 16 writers."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
from engines import CONTEXT, Rig, postgres_program
from facts import CAUSE, sealed
from measure import Contender, Goal, PeerMissing, Reading, Row, Watch, looped
from promenade_chassis.database import Database
from promenade_kernel.events.envelope import seal
from promenade_kernel.events.identity import UserReinstated
from promenade_kernel.values.ids import new_id
from tea import PostgresTeas, Tea

WRITERS, SECONDS = 16, 3.0
PGBENCH = "pgbench, the same statement"

_COLUMNS = "(id, version, last_sequence, name, cups, created_at, updated_at)"
_OUTBOX = "INSERT INTO outbox (event_id, subject, sequence, major, type, correlation_id, envelope)"
# The same columns, indexes and bytes as a repository writes, as one statement that commits by itself.
ONE_STATEMENT = f"""
WITH aggregate AS (
    INSERT INTO tea {_COLUMNS} VALUES (%(id)s, 1, 1, %(name)s, %(cups)s, now(), now()) RETURNING id
)
{_OUTBOX} SELECT %(event_id)s, id, 1, 1, %(type)s, %(correlation)s, %(envelope)s FROM aggregate
"""

Write = Callable[[], Awaitable[None]]


def _through_repository(database: Database) -> Write:
    teas = PostgresTeas(database)

    async def write() -> None:
        tea = Tea(name="Assam", cups=12)
        tea.record(UserReinstated(user_id=tea.id))
        async with database.begin():
            await teas.add(tea)

    return write


def _one_statement(database: Database) -> Write:
    async def write() -> None:
        tea_id = new_id()
        fact = seal(UserReinstated(user_id=tea_id), subject=tea_id, sequence=1, cause=CAUSE)
        values = {"id": tea_id, "name": "Assam", "cups": 12, "event_id": fact.id, "type": fact.type}
        async with database.reading_connection() as connection:
            await connection.execute(
                ONE_STATEMENT, {**values, "correlation": fact.correlationid, "envelope": fact.encode()}, prepare=True
            )

    return write


def _ours(make: Callable[[Database], Write]) -> Callable[[Rig], Reading]:
    async def run(rig: Rig) -> Reading:
        rig.emptied_tables()
        async with rig.database(WRITERS) as database:
            write = make(database)
            with Watch() as watch:
                written = await _written(write)
        assert _committed(rig) == written, (_committed(rig), written)
        return watch.reading(written)

    return looped(run)


async def _written(write: Write) -> int:
    """How many were committed by 16 writers, each waiting for its commit."""
    counts = [0] * WRITERS
    started = time.perf_counter()

    async def writer(number: int) -> None:
        while time.perf_counter() - started < SECONDS:
            await write()
            counts[number] += 1

    await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    return sum(counts)


def _committed(rig: Rig) -> int:
    """Aggregates that have exactly their event."""
    with psycopg.connect(rig.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM tea JOIN outbox ON subject = id AND sequence = last_sequence")
        return found.fetchone()[0]


def _pgbench_script() -> str:
    """The one statement with values of the same size; the server makes the ids."""
    envelope = sealed(new_id(), 1).encode().hex()
    values = {
        "%(id)s": "uuidv7()",
        "%(name)s": "'Assam'",
        "%(cups)s": "12",
        "%(event_id)s": "uuidv7()",
        "%(type)s": "'user.reinstated.v1'",
        "%(correlation)s": f"'{new_id()}'",
        "%(envelope)s": f"'\\x{envelope}'",
    }
    statement = ONE_STATEMENT
    for name, value in values.items():
        statement = statement.replace(name, value)
    return " ".join(statement.split()) + ";\n"


def _pgbench(rig: Rig) -> Reading:
    program = postgres_program("pgbench")
    if not program.exists():
        raise PeerMissing("pgbench is not in the PostgreSQL wheel")
    rig.emptied_tables()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "write.sql")
        script.write_text(_pgbench_script())
        said = subprocess.run(
            [
                *(str(program), "--no-vacuum", "--protocol=prepared", f"--file={script}"),
                *(f"--client={WRITERS}", "--jobs=2", f"--time={SECONDS:.0f}"),
                *("-h", "127.0.0.1", "-p", str(rig.engines.postgres.port), "-U", CONTEXT, CONTEXT),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    processed = int(re.search(r"actually processed: (\d+)", said)[1])
    assert _committed(rig) == processed
    return Reading(float(re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)[1]))


ROWS = [
    Row(
        "outbox-statement",
        "outbox write, aggregate and event as one statement, 16 writers, durable",
        "writes/s",
        Contender("psycopg, one statement", _ours(_one_statement)),
        [Contender(PGBENCH, _pgbench)],
        goals=[Goal("≥ 0.65 × pgbench", PGBENCH, least=0.65)],
    ),
    Row(
        "outbox-repository",
        "outbox write through unit of work and BaseRepository, 16 writers, durable",
        "writes/s",
        Contender("BaseRepository", _ours(_through_repository)),
        [Contender(PGBENCH, _pgbench)],
        long=True,
    ),
]
