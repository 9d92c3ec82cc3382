"""Doing again what an operator asked for: replayed dead letters, and reactions to be run anew.

A dead letter has let its subject go on, so a replay cannot come by the stream: its event is behind the progress, may be
gone from outbox and stream, and only the relay may append there. It comes by a table in the consumer's database:

1. `dead replay` marks the dead letter as replayed and writes its `redelivery` row, in one transaction. Run twice, the
   second finds nothing open. (`replay --again` deletes inbox rows and writes theirs, in one transaction likewise.)
2. Any worker of the context takes the row (SKIP LOCKED: one at a time), locks the subject's progress so that no lane
   works on the same subject, adds the inbox row, runs the reaction, and deletes the row: one transaction. Where the
   inbox row is there already the effect is there too: the row is deleted, nothing runs.
3. A failure rolls all of that back, and is counted in the row: retried by the policy of every reaction. After the last
   attempt the same dead letter is open again, in the transaction that deletes the row; unless the event has another
   one that is, because it was delivered and given up meanwhile.

Dying between any two steps leaves a row that is taken again. The progress is neither asked nor moved: the dead letter,
or the inbox row that was deleted, proves that this reaction is owed to this event, however old it is. Of one subject
the rows of a reaction are done in order; a row whose reaction no worker has waits, and is shown.

An entry that was no envelope has the reaction `*`. Replayed, it becomes a row for each reaction if this release can
read it, and is a dead letter again if not.
"""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage, UnknownEventType

from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.error_words import name_of
from promenade_chassis.events.bus import Subscription, Subscriptions
from promenade_chassis.events.ledger import UNREADABLE
from promenade_chassis.events.meters import EventMeters
from promenade_chassis.events.postgres import is_away
from promenade_chassis.events.reacting import react
from promenade_chassis.events.redelivery_rows import RedeliveryRows
from promenade_chassis.events.retry import RetryPolicy, not_yet_delay
from promenade_chassis.ports import NotYet, PermanentError

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
_HOPELESS = (PermanentError, PoisonMessage, UnknownEventType)

Row = dict[str, Any]


class _NoSuchReaction(PermanentError):
    """The context has the reaction, but not to this type."""


class Redelivery:
    """The part of a context's worker that empties the table."""

    def __init__(
        self,
        database: Database,
        subscriptions: Subscriptions,
        settings: EventsSettings,
        meters: EventMeters,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._rows = RedeliveryRows(database)
        self._subscriptions = subscriptions
        self._policy = RetryPolicy.of(settings)
        self._meters = meters
        self._jitter = jitter

    async def run(self) -> None:
        """Look once a second, for ever. Raises when PostgreSQL is away; run it again then."""
        while True:
            busy = await self._rows.any_due() and await self.step()
            await asyncio.sleep(0 if busy else _POLL_SECONDS)

    async def close(self) -> None:
        """The database is not its own to close."""

    async def step(self) -> bool:
        """Do one row that is due; answers whether there was one for a reaction of this context.

        Whatever a row raises is counted for it, be it the reaction, the commit or our own statements: a row that could
        not be put off would be the first one for ever. Only PostgreSQL being away is nobody's fault.
        """
        row: Row | None = None
        try:
            async with self._database.begin():
                row = await self._rows.take([UNREADABLE, *self._subscriptions.names])
                if row is not None:
                    await self._settle(row)
        except Exception as error:
            if row is None or is_away(error):
                raise
            await self._fail(row, error)
        return row is not None

    async def _settle(self, row: Row) -> None:
        envelope = Envelope.decode(bytes(row["envelope"]))
        if row["reaction"] == UNREADABLE:
            names = [each.name for each in self._subscriptions.of(envelope.type)]
            await self._rows.deal(row, envelope, names)
            return
        await self._rows.lock_subject(envelope)
        if await self._rows.remember(envelope.id, row["reaction"]):
            await self._react(row, envelope)
        await self._rows.forget(row["id"])

    async def _react(self, row: Row, envelope: Envelope) -> None:
        ids = _ids(row)
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(**ids):
            await react(self._subscription(row["reaction"], envelope), (envelope,))
        seconds = time.perf_counter() - began
        self._database.on_commit(lambda: self._handled(row["reaction"], seconds, ids))

    def _handled(self, reaction: str, seconds: float, ids: dict[str, str]) -> None:
        self._meters.handled(reaction, 1, seconds)
        logger.info("redelivery.handled", **ids)

    def _subscription(self, reaction: str, envelope: Envelope) -> Subscription:
        for each in self._subscriptions.of(envelope.type):
            if each.name == reaction:
                return each
        raise _NoSuchReaction(f"{reaction} does not react to {envelope.type}")

    async def _fail(self, row: Row, error: Exception) -> None:
        """Count the attempt; what cannot be counted or given up waits, and the rows behind it go on."""
        try:
            await self._count(row, error)
        except Exception as fault:
            if is_away(fault):
                raise
            await self._postpone(row, fault, attempts=row["attempts"], delay=self._policy.cap)

    async def _count(self, row: Row, error: Exception) -> None:
        attempts = row["attempts"] + (0 if isinstance(error, NotYet) else 1)
        if isinstance(error, NotYet):
            delay = not_yet_delay(row["waited"])
        elif isinstance(error, _HOPELESS) or self._policy.is_exhausted(attempts):
            await self._give_up(row, attempts, error)
            return
        else:
            delay = self._policy.delay(attempts, self._jitter)
            self._meters.failed(row["reaction"])
        await self._postpone(row, error, attempts=attempts, delay=delay)

    async def _postpone(self, row: Row, error: Exception, *, attempts: int, delay: float) -> None:
        await self._rows.postpone(row["id"], attempts=attempts, delay=delay, error=_text(error))
        logger.warning("redelivery.postponed", **_ids(row), error=name_of(error), attempts=attempts, seconds=delay)

    async def _give_up(self, row: Row, attempts: int, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        await self._rows.bury(row, attempts=attempts, reason=_text(error), trace=trace)
        self._meters.failed(row["reaction"])
        self._meters.dead(row["reaction"])
        logger.error("event.dead-lettered", **_ids(row), error=name_of(error), attempts=attempts)


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _ids(row: Row) -> dict[str, str]:
    event_id: UUID | None = row["event_id"]
    return {"event_id": str(event_id), "reaction": row["reaction"], "redelivery": str(row["id"])}
