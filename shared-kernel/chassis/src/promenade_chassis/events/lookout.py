"""Looks at one context's part of the backbone every few seconds: for the gauges, and to say aloud what is stuck."""

from __future__ import annotations

import asyncio
import time

import structlog

from promenade_chassis.database import Database
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.gauges import EventGauges, Observation
from promenade_chassis.events.operator.lag import STUCK_SECONDS, consumer_backlog, gaps_in_front, outbox_lag, stream_lag
from promenade_chassis.events.operator.records import Backlog, Gap
from promenade_chassis.events.redis_link import RedisLink

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_EVERY_SECONDS = 5.0
_GAPS_EVERY_SECONDS = 60.0
_SAY_AGAIN_SECONDS = 600.0


class Lookout:
    """`link` is None where a memory bus carries the events: it has no streams, and nothing can be missing in it."""

    def __init__(
        self, database: Database, subscriptions: Subscriptions, gauges: EventGauges, link: RedisLink | None
    ) -> None:
        self._database = database
        self._subscriptions = subscriptions
        self._context = subscriptions.context
        self._gauges = gauges
        self._link = link
        self._gaps: list[Gap] = []
        self._gaps_at = self._say_at = 0.0

    async def run(self) -> None:
        """Look every few seconds, for ever. Raises when PostgreSQL or Redis is away; run it again then."""
        while True:
            began = time.monotonic()
            await self.look()
            # Counting a long outbox costs something: never more than a twentieth of the time.
            await asyncio.sleep(max(_EVERY_SECONDS, 19 * (time.monotonic() - began)))

    async def look(self) -> None:
        """Look once."""
        async with self._database.reading_connection() as connection:
            outbox = await outbox_lag(connection, self._context)
            backlog = await consumer_backlog(connection, self._context, limit=1)
        stream = None if self._link is None else await stream_lag(self._link, self._context)
        await self._look_for_gaps()
        self._gauges.show(
            self._context,
            Observation(
                outbox_depth=outbox.depth,
                outbox_oldest_seconds=outbox.oldest_seconds,
                dead_letters_open=backlog.dead_open,
                stuck=backlog.stuck_count,
                gaps=len(self._gaps),
                stream=stream,
            ),
        )
        self._say_what_is_stuck(backlog)

    async def close(self) -> None:
        """Let go of connections; the gauges end with the worker."""
        self._gauges.forget(self._context)
        if self._link is not None:
            await self._link.close()

    async def _look_for_gaps(self) -> None:
        now = time.monotonic()
        if self._link is None or now < self._gaps_at:
            return
        self._gaps_at = now + _GAPS_EVERY_SECONDS
        found: list[Gap] = []
        async with self._database.reading_connection() as connection:
            for producer in sorted(self._subscriptions.producers):
                found += await gaps_in_front(connection, self._link, producer, self._context, older_than=STUCK_SECONDS)
        self._gaps = found

    def _say_what_is_stuck(self, backlog: Backlog) -> None:
        now = time.monotonic()
        if now < self._say_at or not (backlog.stuck_count or self._gaps):
            return
        self._say_at = now + _SAY_AGAIN_SECONDS
        if backlog.stuck_count:
            oldest = backlog.waiting[0]
            logger.error(
                "events.stuck",
                context=self._context,
                events=backlog.stuck_count,
                reaction=oldest.reaction,
                event_id=str(oldest.event_id),
                since=oldest.at.isoformat(),
                error=oldest.error.partition(":")[0],  # the class: what follows may quote somebody's data
            )
        for gap in self._gaps[:10]:
            ids = {"source": gap.source, "subject": str(gap.subject), "missing": gap.missing, "waiting": gap.waiting}
            logger.error("subject.stuck", context=self._context, seconds=round(gap.seconds), **ids)
