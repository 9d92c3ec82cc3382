"""The engines the rows run on: durable, started for this run on a temporary folder, stopped whatever happens."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.embedded.databases import create_databases
from promenade_chassis.embedded.installation import installation
from promenade_chassis.embedded.pair import EnginePair, running_engines
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.migrations import folders_of, migrate
from redis import Redis

T = TypeVar("T")

CONTEXT = "bench"
TABLES = """
CREATE TABLE IF NOT EXISTS tea (
    id uuid PRIMARY KEY, version bigint NOT NULL, last_sequence bigint NOT NULL,
    name text NOT NULL, cups bigint NOT NULL CHECK (cups >= 0),
    created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, deleted_at timestamptz
);
CREATE TABLE IF NOT EXISTS effect (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL, subject uuid NOT NULL, sequence bigint NOT NULL
);
"""
# Whatever tables the chassis has by now, but for what migrations know.
_EMPTY = """
SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY'
FROM pg_tables WHERE schemaname = 'public' AND tablename !~ 'yoyo|migration'
"""


class Rig:
    """What contenders run on. Engines start when the first row asks for them.

    `long` asks for the sizes of `just bench-long`; `size` is how many units of work the present run is about.
    """

    size: int = 0

    def __init__(self, stack: ExitStack, *, long: bool = False) -> None:
        self.long = long
        self.profiles: Path | None = None
        self._stack = stack
        self._row = ExitStack()
        self._kept: dict[str, Any] = {}
        stack.callback(self.end_row)

    def kept(self, name: str, opened: Callable[[], AbstractContextManager[T]]) -> T:
        """What is opened once for all runs of a row, such as a program that serves; closed when the row ends."""
        if name not in self._kept:
            self._kept[name] = self._row.enter_context(opened())
        return self._kept[name]

    def end_row(self) -> None:
        """Close what the row has kept."""
        self._kept.clear()
        self._row.close()

    @cached_property
    def folder(self) -> Path:
        """A folder for configurations and logs of what is started."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="promenade-bench-")))

    @cached_property
    def engines(self) -> EnginePair:
        """PostgreSQL (fsync on) and Valkey (AOF, everysec), as the embedded profile has them."""
        pair = self._stack.enter_context(_engines())
        create_databases(pair.postgres.admin_url, [CONTEXT])
        migrate(pair.postgres.url(CONTEXT, CONTEXT), folders_of("promenade_chassis")[:1])
        with psycopg.connect(pair.postgres.url(CONTEXT, CONTEXT), autocommit=True) as connection:
            connection.execute(TABLES)
        return pair

    @property
    def redis_url(self) -> str:
        """The Valkey of this run."""
        return self.engines.valkey.url

    @property
    def database_url(self) -> str:
        """The database of this run, with the chassis' tables and ours."""
        return self.engines.postgres.url(CONTEXT, CONTEXT)

    def emptied_redis(self) -> Redis:
        """A plain client to a Valkey without keys."""
        client = Redis.from_url(self.redis_url, protocol=2)
        client.flushall()
        return client

    def emptied_tables(self) -> None:
        """Start from empty tables and a fresh checkpoint, so that no run pays for the one before."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            [statement] = connection.execute(_EMPTY).fetchone()
            connection.execute(statement)
        self.checkpoint()

    def checkpoint(self) -> None:
        """Write out what is dirty now rather than during the next run."""
        with psycopg.connect(self.engines.postgres.admin_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    @asynccontextmanager
    async def database(self, connections: int = 10) -> AsyncGenerator[Database, None]:
        """The chassis' pool on the database of this run, every connection made."""
        settings = DatabaseSettings(self.database_url, min_size=connections, max_size=connections)
        database = Database(settings, application_name="promenade-bench")
        await database.open()
        try:
            await database.is_ready()
            yield database
        finally:
            await database.close()


def postgres_program(name: str) -> Path:
    """A client program of the PostgreSQL wheel, such as pgbench."""
    return installation(None).postgres_bin / name


@contextmanager
def _engines() -> Iterator[EnginePair]:
    home = Path(tempfile.mkdtemp(prefix="promenade-bench-"))
    home.chmod(0o711)
    try:
        with running_engines(home, durable=True) as pair:
            yield pair
    finally:
        remove_data(home)
        shutil.rmtree(home, ignore_errors=True)
