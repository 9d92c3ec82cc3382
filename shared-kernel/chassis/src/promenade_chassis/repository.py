"""The base of every PostgreSQL adapter: finds the transaction by itself, writes aggregates with their events."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, LiteralString, TypeVar

from promenade_kernel.events.envelope import Envelope, seal_forms
from psycopg.errors import UniqueViolation

from promenade_chassis import outbox
from promenade_chassis.additions import Addition, Duplicates, refuse_duplicate
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import Aggregate, DomainError, PageRequest, StaleVersion, current_cause, utc_now
from promenade_chassis.telemetry.messages import traced_records
from promenade_chassis.telemetry.spans import tracing_is_on

Row = dict[str, Any]
Item = TypeVar("Item")
Wanted = TypeVar("Wanted")


class BaseRepository:
    """Raw SQL with named parameters. Reads work anywhere; writes only inside a unit of work.

    `duplicates` are the errors of unique indexes and constraints by their names, for `_insert`, `_update` and `_add`.
    """

    duplicates: ClassVar[Duplicates] = {}

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _fetch_one(self, statement: LiteralString, **named: Any) -> Row | None:
        async with self._database.reading_connection() as connection:
            cursor = await connection.execute(statement, named)
            return await cursor.fetchone()

    async def _fetch_all(self, statement: LiteralString, **named: Any) -> list[Row]:
        async with self._database.reading_connection() as connection:
            cursor = await connection.execute(statement, named)
            return await cursor.fetchall()

    async def _fetch_listed(
        self, listed: ListStatement[Item, Wanted], wanted: Wanted, page: PageRequest, **named: Any
    ) -> list[Row]:
        """The rows of a page and, if there are more, the next one. `named` are parameters that are no filters."""
        values = {**named, **listed.parameters(wanted, page)}
        rows: dict[Any, Row] = {}
        async with self._database.reading_connection() as connection:
            for statement in listed.statements(wanted, page):
                # Each asks for a whole page, and rows are told apart by id: one that loses its sort value between the
                # two comes twice, and must neither be shown so nor take the place of one that would tell of more.
                cursor = await connection.execute(statement, values)
                for row in await cursor.fetchall():
                    rows.setdefault(row["id"], row)
                if len(rows) > page.limit:
                    break
        return list(rows.values())[: page.limit + 1]

    async def _execute(self, statement: LiteralString, **named: Any) -> int:
        """Run a write; answers how many rows it touched."""
        cursor = await self._database.writing_connection().execute(statement, named)
        return cursor.rowcount

    async def _write_one(self, statement: LiteralString, **named: Any) -> Row | None:
        """Run a write with RETURNING; answers the first row."""
        cursor = await self._database.writing_connection().execute(statement, named)
        return await cursor.fetchone()

    async def _add(self, statement: LiteralString, **named: Any) -> None:
        """Insert a row that is no aggregate; in a unit of work that is `at_once` it goes with the others."""
        gathered = self._database.gathered()
        if gathered is None:
            await self._send(statement, named)
        else:
            _gather(gathered, Addition(statement, named, self.duplicates))

    async def _insert(self, aggregate: Aggregate, statement: LiteralString, **named: Any) -> None:
        """Write a new aggregate's row, then its recorded events to the outbox.

        The statement may use, besides `named`: id, version, last_sequence, created_at, updated_at, deleted_at.
        """
        await self._save(aggregate, statement, named)

    async def _update(self, aggregate: Aggregate, statement: LiteralString, **named: Any) -> None:
        """As `_insert`; the statement must end with `WHERE id = %(id)s AND version = %(expected_version)s`.

        Raises `StaleVersion` when somebody else was faster.
        """
        await self._save(aggregate, statement, named)

    async def _save(self, aggregate: Aggregate, statement: LiteralString, named: Row) -> None:
        envelopes = _sealed(aggregate)
        now = utc_now()
        version, last_sequence = aggregate.version + 1, aggregate.last_sequence + len(aggregate.recorded())
        values = {
            **named,
            "id": aggregate.id,
            "expected_version": aggregate.version,
            "version": version,
            "last_sequence": last_sequence,
            "created_at": aggregate.created_at,
            "updated_at": now,
            "deleted_at": aggregate.deleted_at,
        }
        await self._write(statement, values, envelopes)
        aggregate.mark_saved(version=version, last_sequence=last_sequence, updated_at=now)

    async def _write(self, statement: LiteralString, values: Row, envelopes: Sequence[Envelope]) -> None:
        """The row, then its events; one round trip where the statement allows it."""
        gathered = self._database.gathered()
        if gathered is not None:
            _gather(gathered, Addition(statement, values, self.duplicates, envelopes), certain=True)
        else:
            await self._write_now(statement, values, envelopes)
        if envelopes:
            self._database.announce_events()

    async def _write_now(self, statement: LiteralString, values: Row, envelopes: Sequence[Envelope]) -> None:
        joined = outbox.with_events(statement, single=len(envelopes) == 1) if envelopes else None
        if joined:
            rows = await self._send(joined, {**values, **outbox.parameters_of(envelopes)})
        else:
            rows = await self._send(statement, values)
        if rows != (len(envelopes) if joined else 1):
            raise StaleVersion
        if envelopes and not joined:
            await outbox.append(self._database.writing_connection(), envelopes)

    async def _send(self, statement: LiteralString, values: Row) -> int:
        try:
            cursor = await self._database.writing_connection().execute(statement, values)
        except UniqueViolation as violation:
            refuse_duplicate(violation, self.duplicates)
            raise
        return cursor.rowcount


def _gather(gathered: list[Addition], added: Addition, *, certain: bool = False) -> None:
    if not added.is_one or (certain and not added.is_certain):
        raise TransactionMisuse("a unit of work that is at once only adds rows: use `begin()`")
    gathered.append(added)


def _sealed(aggregate: Aggregate) -> list[Envelope]:
    """What the aggregate has recorded, numbered on from its last event; of a fact all its forms."""
    cause = current_cause()
    first = aggregate.last_sequence + 1
    envelopes = [
        envelope
        for sequence, forms in enumerate(aggregate.recorded_forms(), start=first)
        for envelope in seal_forms(forms, subject=aggregate.id, sequence=sequence, cause=cause)
    ]
    return traced_records(envelopes) if tracing_is_on() else envelopes


@contextmanager
def refusing_duplicates(constraint: str, error: DomainError) -> Generator[None, None, None]:
    """Turn a violation of the named unique constraint or index into the domain's own error."""
    try:
        yield
    except UniqueViolation as violation:
        if violation.diag.constraint_name == constraint:
            raise error from violation
        raise
