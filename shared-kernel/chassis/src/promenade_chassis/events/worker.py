"""A service's part in the traffic of events: its relay, its reactions, and the clearing up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol

from promenade_kernel.events.envelope import stream_of

from promenade_chassis.config import ConfigurationError, EventsSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import AnyReaction, Bus, EventT
from promenade_chassis.events.gauges import gauges_of
from promenade_chassis.events.lookout import Lookout
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.meters import EventMeters
from promenade_chassis.events.outlet_memory import MemoryOutlet
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.redelivery import Redelivery
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.relay import Outlet, Relay
from promenade_chassis.events.retention import Retention, check_retention
from promenade_chassis.events.supervision import cancelled, supervised
from promenade_chassis.events.wake import WakeHints, WakeListener


class Companion(Protocol):
    """What runs beside relay and reactions. `run` never returns; when it raises it is started again."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    async def close(self) -> None:
        """Let go of connections, after `run` has ended."""
        ...


_FOR_THE_RELAY = 0.75  # the rest of the time is for a statement that has to be given up
_NOBODY: Mapping[str, Companion] = {}


class EventWorker:
    """Publishes what a context records and delivers what it reacts to, from `start` to `stop`.

    `wake_url` names the Redis over which the context's other processes wake the relay.
    Starting never waits for PostgreSQL or Redis: while one is away the loops try again, for ever.
    """

    def __init__(
        self,
        database: Database,
        context: str,
        settings: EventsSettings,
        *,
        bus: Bus,
        outlet: Outlet,
        beside: Mapping[str, Companion] = _NOBODY,
        wake_url: str = "",
    ) -> None:
        check_retention(settings)
        self.context = context
        self.bus = bus
        self._outlet = outlet
        self._hints = WakeHints(wake_url, context) if wake_url else None
        self._relay = Relay(database, context, outlet, hint=self._hints.send if self._hints else None)
        self._listener = WakeListener(wake_url, context, self._relay.hear) if wake_url else None
        self._retention = Retention(database, settings)
        self._companions = beside
        self._relaying: asyncio.Task[None] | None = None
        self._beside: list[asyncio.Task[None]] = []

    def subscribe(
        self, event_class: type[EventT], reaction: AnyReaction[EventT], *, batch: bool = False, alone: bool = False
    ) -> None:
        """See `Bus.subscribe`."""
        self.bus.subscribe(event_class, reaction, batch=batch, alone=alone)

    async def start(self) -> None:
        """Begin to publish and to react."""
        await self.bus.start()
        for waking in (self._hints, self._listener):
            if waking is not None:
                waking.start()
        self._relaying = supervised("relay", self._relay.run, context=self.context)
        beside = {"retention": self._retention.run, **{name: each.run for name, each in self._companions.items()}}
        self._beside = [supervised(name, run, context=self.context) for name, run in beside.items()]

    async def stop(self, within: float) -> None:
        """Take no more work, finish what is in flight for so many seconds, then stop.

        What is not finished by then is rolled back, and done by another replica or after the next start.
        """
        deadline = time.monotonic() + within
        if self._beside:
            await cancelled(*self._beside)
        for companion in self._companions.values():
            await companion.close()
        for waking in (self._hints, self._listener):
            if waking is not None:
                await waking.stop()
        left = max(0.0, deadline - time.monotonic())
        await asyncio.gather(self._end_relay(left), self.bus.close(left))

    async def _end_relay(self, within: float) -> None:
        if self._relaying is not None:
            self._relay.stop()
            await asyncio.wait([self._relaying], timeout=_FOR_THE_RELAY * within)
            await cancelled(self._relaying)
        await self._outlet.close()


def event_worker(
    database: Database, context: str, settings: Settings, *, memory_bus: MemoryBus | None = None
) -> EventWorker:
    """The worker of one context over the bus its configuration names.

    `memory_bus` is the one that all contexts of the process share; all workers are made before the first is started.
    """
    meters = EventMeters(context)
    ledger = PostgresLedger(database, context, settings.events, meters)
    if settings.bus.adapter == "redis":
        bus = RedisBus(settings.redis.url, context, ledger, settings.events)
        outlet = StreamOutlet(RedisLink(settings.redis.url), stream_of(context), settings.events)
        link = RedisLink(settings.redis.url)
    elif memory_bus is None:
        raise ConfigurationError("bus.adapter is memory, which works only where all contexts share one process")
    else:
        bus = memory_bus.for_context(context, ledger, lanes=settings.events.lanes, batch=settings.events.batch)
        outlet, link = MemoryOutlet(memory_bus, context), None
    return EventWorker(
        database,
        context,
        settings.events,
        bus=bus,
        outlet=outlet,
        beside={
            "redelivery": Redelivery(database, bus.subscriptions, settings.events, meters),
            "lookout": Lookout(database, bus.subscriptions, gauges_of(), link),
        },
        wake_url=settings.redis.url if link else "",
    )
