"""What is kept for how long, and the deleting of the rest in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import LiteralString
from uuid import UUID

import structlog

from promenade_chassis.config import ConfigurationError, EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_BATCH = 1_000
_EVERY_SECONDS = 600.0

# The oldest rows by key are looked at, not the whole table: published in about the order of seq. What some group has
# not acknowledged stays, however old: Redis may lose it. Which groups count: see `stream_groups`.
_OUTBOX: LiteralString = """
DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox ORDER BY seq LIMIT %(batch)s)
AND published_at < now() - make_interval(days => %(outbox)s)
AND (stream_id IS NULL OR NOT EXISTS (
    SELECT FROM stream_group JOIN stream_state USING (stream)
    WHERE noted_at >= surveyed_at - make_interval(days => %(stream)s)
      AND (split_part(acknowledged_id, '-', 1)::numeric, split_part(acknowledged_id, '-', 2)::numeric)
        < (split_part(stream_id, '-', 1)::numeric, split_part(stream_id, '-', 2)::numeric)))
"""
# An event id is a UUIDv7: what was made before `inbox_before` is found by the primary key. What was handled late stays.
_INBOX: LiteralString = """
DELETE FROM inbox WHERE (event_id, reaction) IN (
    SELECT event_id, reaction FROM inbox
    WHERE event_id < %(inbox_before)s AND handled_at < now() - make_interval(days => %(inbox)s)
    ORDER BY event_id LIMIT %(batch)s)
"""
_PROGRESS: LiteralString = """
DELETE FROM subject_progress WHERE (source, subject) IN (
    SELECT source, subject FROM subject_progress WHERE updated_at < now() - make_interval(days => %(inbox)s)
    LIMIT %(batch)s FOR UPDATE SKIP LOCKED)
"""
_ATTEMPTS: LiteralString = """
DELETE FROM attempt WHERE (event_id, reaction) IN (
    SELECT event_id, reaction FROM attempt WHERE next_at < now() - make_interval(days => %(inbox)s) LIMIT %(batch)s)
"""
_EXPIRING: tuple[tuple[str, LiteralString], ...] = (
    ("outbox", _OUTBOX),
    ("inbox", _INBOX),
    ("subject_progress", _PROGRESS),
    ("attempt", _ATTEMPTS),
)


def check_retention(settings: EventsSettings) -> None:
    """Refuse settings under which an event could come again after the inbox has forgotten it."""
    redelivered_within = settings.outbox_retention_days + settings.stream_retention_days
    if settings.inbox_retention_days <= redelivered_within:
        raise ConfigurationError(
            f"events.inbox_retention_days is {settings.inbox_retention_days}, but must be more than"
            f" outbox_retention_days + stream_retention_days ({redelivered_within})"
        )


class Retention:
    """Deletes what has been kept long enough."""

    def __init__(self, database: Database, settings: EventsSettings) -> None:
        self._database = database
        self._days = {
            "outbox": settings.outbox_retention_days,
            "stream": settings.stream_retention_days,
            "inbox": settings.inbox_retention_days,
        }
        self._expiring: dict[str, Callable[[], Awaitable[int]]] = {
            table: partial(self._delete, statement) for table, statement in _EXPIRING
        }
        self._expiring["idempotency_record"] = PostgresIdempotencyStore(database).clean_up

    async def run(self) -> None:
        """Clean up every ten minutes; the first time not before: what waits since a long stop comes first."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.clean_up()

    async def clean_up(self) -> None:
        """Delete everything that is due, in batches."""
        for table, delete in self._expiring.items():
            total = 0
            while deleted := await delete():
                total += deleted
            if total:
                logger.info("rows.expired", table=table, rows=total)

    async def _delete(self, statement: LiteralString) -> int:
        async with self._database.begin():
            connection = self._database.writing_connection()
            bounds = {**self._days, "inbox_before": _id_before(self._days["inbox"]), "batch": _BATCH}
            cursor = await connection.execute(statement, bounds)
            return cursor.rowcount


def _id_before(days: int) -> UUID:
    """Below every UUIDv7 made within so many days."""
    return UUID(int=int((time.time() - days * 86_400) * 1000) << 80)
