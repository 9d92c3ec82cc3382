"""A service's part in the traffic of events: its relay, its reactions, and the clearing up."""

from __future__ import annotations

import asyncio
import time

from promenade_kernel.events.envelope import stream_of

from promenade_chassis.config import ConfigurationError, EventsSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import AnyReaction, Bus, EventT
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.outlet_memory import MemoryOutlet
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.relay import Outlet, Relay
from promenade_chassis.events.retention import Retention, check_retention
from promenade_chassis.events.supervision import cancelled, supervised


class EventWorker:
    """Publishes what a context records and delivers what it reacts to, from `start` to `stop`.

    Starting never waits for PostgreSQL or Redis: while one is away the loops try again, for ever.
    """

    def __init__(self, database: Database, context: str, settings: EventsSettings, *, bus: Bus, outlet: Outlet) -> None:
        check_retention(settings)
        self.context = context
        self.bus = bus
        self._outlet = outlet
        self._relay = Relay(database, context, outlet)
        self._retention = Retention(database, settings)
        self._relaying: asyncio.Task[None] | None = None
        self._cleaning: asyncio.Task[None] | None = None

    def subscribe(
        self, event_class: type[EventT], reaction: AnyReaction[EventT], *, batch: bool = False, alone: bool = False
    ) -> None:
        """See `Bus.subscribe`."""
        self.bus.subscribe(event_class, reaction, batch=batch, alone=alone)

    async def start(self) -> None:
        """Begin to publish and to react."""
        await self.bus.start()
        self._relaying = supervised("relay", self._relay.run, context=self.context)
        self._cleaning = supervised("retention", self._retention.run, context=self.context)

    async def stop(self, within: float) -> None:
        """Take no more work, finish what is in flight for so many seconds, then stop.

        What is not finished by then is rolled back, and done by another replica or after the next start.
        """
        deadline = time.monotonic() + within
        if self._cleaning is not None:
            await cancelled(self._cleaning)
        if self._relaying is not None:
            self._relay.stop()
            await asyncio.wait([self._relaying], timeout=within / 2)
            await cancelled(self._relaying)
        await self._outlet.close()
        await self.bus.close(max(0.0, deadline - time.monotonic()))


def event_worker(
    database: Database, context: str, settings: Settings, *, memory_bus: MemoryBus | None = None
) -> EventWorker:
    """The worker of one context over the bus its configuration names.

    `memory_bus` is the one that all contexts of the process share; all workers are made before the first is started.
    """
    ledger = PostgresLedger(database, context, settings.events)
    if settings.bus.adapter == "redis":
        bus = RedisBus(settings.redis.url, context, ledger, settings.events)
        outlet = StreamOutlet(RedisLink(settings.redis.url), stream_of(context), settings.events)
        return EventWorker(database, context, settings.events, bus=bus, outlet=outlet)
    if memory_bus is None:
        raise ConfigurationError("bus.adapter is memory, which works only where all contexts share one process")
    view = memory_bus.for_context(context, ledger, lanes=settings.events.lanes, batch=settings.events.batch)
    return EventWorker(database, context, settings.events, bus=view, outlet=MemoryOutlet(memory_bus, context))
