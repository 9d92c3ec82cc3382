"""`promenade events replay`: publishing again, and running a reaction again."""

from collections.abc import AsyncIterator
from datetime import datetime

from promenade_chassis.events.operator.again import handled_by, run_again
from promenade_chassis.events.operator.lookup import Wanted, events_between
from promenade_chassis.events.operator.records import RecordedEvent
from promenade_chassis.events.operator.types import like_of
from promenade_chassis.events.outbox_rows import publish_again

from promenade_local.backbone import Backbone
from promenade_local.errors import StackError


async def republish(backbone: Backbone, context: str, type_pattern: str, since: datetime, until: datetime) -> int:
    """Let a context's relay publish once more; answers how many events."""
    found = await backbone.ask(
        lambda connection, _: publish_again(connection, since=since, until=until, type_like=like_of(type_pattern)),
        only=context,
    )
    return found[context]


class Again:
    """A reaction, and the events of all contexts that it shall handle once more."""

    def __init__(self, backbone: Backbone, reaction: str, wanted: Wanted, since: datetime, until: datetime) -> None:
        self._backbone = backbone
        self._reaction = reaction
        self._consumer = reaction.partition(".")[0]
        self._wanted = wanted
        self._since = since
        self._until = until
        if self._consumer not in backbone.contexts or "." not in reaction:
            example = "billing.on_order_placed"
            raise StackError(f"{reaction!r} does not begin with a context: a reaction is called like {example}")

    async def count(self) -> int:
        """How many of the events it has handled."""
        total = 0
        async for page in self._pages():
            found = await self._backbone.ask(
                lambda connection, _, page=page: handled_by(connection, self._reaction, page), only=self._consumer
            )
            total += found[self._consumer]
        return total

    async def order(self) -> int:
        """Have it run again: a page is one transaction, and what was ordered before is not ordered twice."""
        total = 0
        async for page in self._pages():
            found = await self._backbone.ask(
                lambda connection, _, page=page: run_again(connection, self._reaction, page), only=self._consumer
            )
            total += found[self._consumer]
        return total

    async def _pages(self) -> AsyncIterator[list[RecordedEvent]]:
        for producer in self._backbone.contexts:
            after = 0
            while page := await self._page(producer, after):
                yield page
                after = page[-1].seq

    async def _page(self, producer: str, after: int) -> list[RecordedEvent]:
        found = await self._backbone.ask(
            lambda connection, context: events_between(
                connection, context, self._wanted, since=self._since, until=self._until, after=after
            ),
            only=producer,
        )
        return found[producer]
