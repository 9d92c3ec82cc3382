"""`promenade events tail`: events as they are recorded."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from promenade_chassis.database import Connection
from promenade_chassis.events.operator.lookup import FULL_PAGE, Wanted, last_events, newest_seq, next_events
from promenade_chassis.events.operator.records import RecordedEvent
from promenade_chassis.events.operator.wording import clock

from promenade_local.backbone import Backbone
from promenade_local.errors import StackError
from promenade_local.event_console import say, say_json, tell_troubles

_LOOK_EVERY = 0.2
_LOOK_BACK = 500  # numbers commit out of order: so many of the last ones are looked at again
_MOST_HISTORY = 10_000


class Tail:
    """Follows the outboxes: it shows events also while Redis is away, or a memory bus carries them."""

    def __init__(self, backbone: Backbone, wanted: Wanted, only: str, *, json: bool) -> None:
        self._backbone = backbone
        self._wanted = wanted
        self._only = only
        self._json = json
        self._reached: dict[str, int] = {}
        self._seen: dict[str, set[int]] = {}
        self._told: list[str] = []

    async def history(self, lines: int | None, since: datetime | None) -> None:
        """The last so many events of all contexts together, or all since; remembers where following goes on."""
        await self._backbone.ask(self._begin, only=self._only)
        limit = _MOST_HISTORY if lines is None else lines
        if limit == 0 or (lines is None and since is None):
            return
        found = await self._backbone.ask(
            lambda connection, context: last_events(connection, context, self._wanted, limit=limit, since=since),
            only=self._only,
        )
        self._tell(_in_order(found)[-limit:])

    async def follow(self) -> None:
        """Tell what comes, until cancelled, whoever goes away meanwhile."""
        while True:
            with contextlib.suppress(StackError):  # all are away: told below, and asked again
                self._tell(_in_order(await self._backbone.ask(self._fresh, only=self._only)))
            self.tell_troubles()
            await asyncio.sleep(_LOOK_EVERY)

    def tell_troubles(self) -> None:
        """Once for each time somebody goes away."""
        if self._backbone.troubles != self._told:
            self._told = self._backbone.troubles
            tell_troubles(self._backbone)

    async def _begin(self, connection: Connection, context: str) -> None:
        """What is there now is not new."""
        reached = await newest_seq(connection)
        after = max(0, reached - _LOOK_BACK)
        present = await next_events(connection, context, self._wanted, after=after, seen=[])
        self._reached[context], self._seen[context] = reached, {event.seq for event in present}

    async def _fresh(self, connection: Connection, context: str) -> list[RecordedEvent]:
        if context not in self._reached:  # it was away when the others began
            await self._begin(connection, context)
            return []
        newest, after = await newest_seq(connection), self._reached[context] - _LOOK_BACK
        found = await next_events(connection, context, self._wanted, after=after, seen=sorted(self._seen[context]))
        reached = found[-1].seq if len(found) >= FULL_PAGE else max(newest, self._reached[context])
        seen = self._seen[context].union(event.seq for event in found)
        self._reached[context] = reached
        self._seen[context] = {seq for seq in seen if seq > reached - _LOOK_BACK}
        return found

    def _tell(self, events: Iterable[RecordedEvent]) -> None:
        for event in events:
            if self._json:
                say_json(event)
            else:
                tell_event(event)


def tell_event(event: RecordedEvent) -> None:
    """One line."""
    envelope = event.envelope
    say(
        (clock(event.recorded_at), "dim"),
        f"  {event.context:<20}  ",
        (f"{envelope.type:<32}", "bold"),
        f"  {envelope.subject} #{envelope.sequence:<4} ",
        (f" {envelope.id}  {envelope.correlationid}", "dim"),
    )


def _in_order(found: Mapping[str, list[RecordedEvent]]) -> list[RecordedEvent]:
    events = [event for each in found.values() for event in each]
    return sorted(events, key=lambda event: (event.recorded_at, event.envelope.id, event.envelope.sequence))
