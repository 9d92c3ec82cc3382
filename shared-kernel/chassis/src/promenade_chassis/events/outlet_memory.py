"""From the outbox to the memory bus: a row is marked when its receipt is settled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage

from promenade_chassis.database import Connection
from promenade_chassis.events.memory import MemoryBus

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_BATCH = 500
_UNPUBLISHED = """
SELECT outbox.seq, outbox.envelope FROM outbox_pending JOIN outbox ON outbox.seq = outbox_pending.seq
WHERE outbox.published_at IS NULL AND NOT outbox_pending.seq = ANY(%(under_way)s::bigint[])
ORDER BY outbox_pending.seq LIMIT %(batch)s
"""
_MARK = """
WITH done AS (DELETE FROM outbox_pending WHERE seq = ANY(%(seqs)s::bigint[]))
UPDATE outbox SET published_at = now() WHERE seq = ANY(%(seqs)s::bigint[])
"""


class MemoryOutlet:
    """Rows under way are known to this process alone: after a crash they are published again, and the ledgers know."""

    def __init__(self, bus: MemoryBus, context: str) -> None:
        self._bus = bus
        self._context = context
        self._under_way: set[int] = set()
        self._settled: list[int] = []
        self._wake: Callable[[], None] = _nobody

    def attach(self, wake: Callable[[], None]) -> None:
        """See `Outlet.attach`."""
        self._wake = wake

    async def take_over(self, connection: Connection) -> None:
        """What is under way stays under way: the lock was lost, not the process."""

    async def publish(self, connection: Connection) -> bool:
        """See `Outlet.publish`."""
        await self._mark(connection)
        cursor = await connection.execute(_UNPUBLISHED, {"under_way": sorted(self._under_way), "batch": _BATCH})
        rows = await cursor.fetchall()
        for row in rows:
            await self._hand_over(row["seq"], row["envelope"])
        return len(rows) == _BATCH

    async def rest(self, connection: Connection) -> None:
        """See `Outlet.rest`."""
        await self._mark(connection)

    async def close(self) -> None:
        """See `Outlet.close`: the bus is not the outlet's to close."""

    async def _hand_over(self, seq: int, raw: bytes) -> None:
        self._under_way.add(seq)
        try:
            envelope = Envelope.decode(raw)
        except PoisonMessage:
            # It stays unpublished, for a human to see, and is not tried again before the next start.
            logger.exception("outbox.unreadable", context=self._context, seq=seq)
            return
        try:
            receipt = await self._bus.publish([envelope])
        except BaseException:
            self._under_way.discard(seq)
            raise
        receipt.when_settled(partial(self._settle, seq))

    def _settle(self, seq: int) -> None:
        self._settled.append(seq)
        self._wake()

    async def _mark(self, connection: Connection) -> None:
        seqs = self._settled[:]
        if not seqs:
            return
        await connection.execute(_MARK, {"seqs": seqs})
        del self._settled[: len(seqs)]
        self._under_way.difference_update(seqs)
        logger.debug("outbox.published", context=self._context, events=len(seqs))


def _nobody() -> None:
    return
