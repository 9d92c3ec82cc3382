"""A relay's outlet in the hands of a test, and a look at the stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from promenade_kernel.events.envelope import Envelope

from promenade_chassis.database import Connection
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.scripts import Appended
from promenade_chassis.events.stream_ids import StreamId

STREAM = "promenade.identity"


class LeadingOutlet:
    """An outlet and the connection it works on, as a relay that holds the lock has them."""

    def __init__(self, outlet: StreamOutlet, connection: Connection) -> None:
        self.connection = connection
        self._outlet = outlet

    async def publish_once(self) -> bool:
        """One step of a relay."""
        return await self._outlet.publish(self.connection)

    async def publish_all(self) -> None:
        """Publish until nothing is left."""
        while await self.publish_once():
            pass

    async def rest(self) -> None:
        """What a relay does when idle."""
        await self._outlet.rest(self.connection)

    async def append(self, envelopes: Sequence[Envelope]) -> Appended:
        """Append and die before marking."""
        return await self._outlet._append([each.encode() for each in envelopes])  # pyright: ignore[reportPrivateUsage]

    async def note(self) -> None:
        """Note what the groups have acknowledged, and trim, without waiting for the time to come."""
        await self._outlet._note(self.connection)  # pyright: ignore[reportPrivateUsage]


NewOutlet = Callable[..., Awaitable[LeadingOutlet]]


async def entries(link: RedisLink, stream: str = STREAM) -> list[tuple[StreamId, Envelope]]:
    """What is on the stream."""
    found = await link.call("XRANGE", stream, "-", "+")
    return [(StreamId.parse(entry_id), Envelope.decode(fields[1])) for entry_id, fields in found]


async def published(link: RedisLink, stream: str = STREAM) -> list[int]:
    """The sequences on the stream, in order."""
    return [envelope.sequence for _, envelope in await entries(link, stream)]
