"""The bus inside one process: tests, and the whole suite under `--single`.

It keeps nothing. What is lost with the process is still unpublished in the outboxes, is published again at the next
start, and the ledgers know what had taken effect.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Generator, Sequence
from typing import Any

from promenade_kernel.events.envelope import Envelope, source_of

from promenade_chassis.events.bus import BusClosed, EventT, Reaction, Subscriptions
from promenade_chassis.events.lanes import Lanes, inside_lane
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import Again, Done, Unpreceded
from promenade_chassis.events.settle import Settlement

DEFAULT_ROOM = 10_000
DEFAULT_LANES = 4


class MemoryReceipt:
    """Settled when all of its events are."""

    def __init__(self, events: int) -> None:
        self._left = events
        self._future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if events == 0:
            self._future.set_result(None)

    def __await__(self) -> Generator[Any, None, None]:
        # Shielded: several may wait, and one of them being cancelled is no matter of the others.
        return asyncio.shield(self._future).__await__()

    def done(self) -> bool:
        """Whether it is settled."""
        return self._future.done() and self._future.exception() is None

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call back, on the event loop, once it is settled; never when the bus is closed first."""
        self._future.add_done_callback(lambda future: None if future.exception() else callback())

    def count_down(self) -> None:
        """One of its events is settled."""
        self._left -= 1
        if self._left == 0 and not self._future.done():
            self._future.set_result(None)

    def abandon(self) -> None:
        """It will never be settled."""
        if not self._future.done():
            self._future.set_exception(BusClosed("the bus was closed before every reaction had committed"))
            self._future.exception()  # marks it as seen: nobody has to wait for a receipt


class _Parcel:
    """One event on its way to so many contexts."""

    __slots__ = ("_contexts", "_receipt", "_room", "envelope")

    def __init__(
        self, envelope: Envelope, contexts: int, receipt: MemoryReceipt, room: asyncio.Semaphore | None
    ) -> None:
        self.envelope = envelope
        self._contexts = contexts
        self._receipt = receipt
        self._room = room

    def settle(self) -> None:
        self._contexts -= 1
        if self._contexts <= 0:
            if self._room is not None:
                self._room.release()
            self._receipt.count_down()


class MemoryBus:
    """Shared by all contexts of a process; each works with its own view of it.

    `room` bounds the events under way of each source, so that one whose events wait for another's never blocks it.
    """

    def __init__(self, *, room: int = DEFAULT_ROOM) -> None:
        self._capacity = room
        self._rooms: dict[str, asyncio.Semaphore] = {}
        self._views: list[ContextView] = []
        self._receipts: weakref.WeakSet[MemoryReceipt] = weakref.WeakSet()
        self._published = False
        self._closed = False

    def for_context(self, context: str, ledger: Ledger, *, lanes: int = DEFAULT_LANES) -> ContextView:
        """A context's view. All views are made before anything is published, or they would miss it."""
        if self._published:
            raise RuntimeError("a context joins the bus before anything is published")
        view = ContextView(self, context, ledger, lanes)
        self._views.append(view)
        return view

    async def publish(self, envelopes: Sequence[Envelope]) -> MemoryReceipt:
        """Hand events over, in order; waits for room, except inside a reaction."""
        self._published = True
        receipt = MemoryReceipt(len(envelopes))
        self._receipts.add(receipt)
        for envelope in envelopes:
            await self._hand_over(envelope, receipt)
        return receipt

    async def close(self, within: float) -> None:
        """Take no more, let every context finish what is in flight, then stop."""
        self._closed = True
        await asyncio.gather(*(view.close(within) for view in self._views))
        for receipt in self._receipts:
            receipt.abandon()
        for room in self._rooms.values():
            room.release()

    async def _hand_over(self, envelope: Envelope, receipt: MemoryReceipt) -> None:
        room = None if inside_lane() else self._rooms.setdefault(envelope.source, asyncio.Semaphore(self._capacity))
        if room is not None:
            await room.acquire()
        if self._closed:
            if room is not None:
                room.release()  # wakes the next one who waits, to be told the same
            raise BusClosed("the bus is closed")
        views = [view for view in self._views if view.listens_to(envelope.source)]
        parcel = _Parcel(envelope, len(views), receipt, room)
        for view in views:
            view.take(parcel)
        if not views:
            parcel.settle()


class ContextView:
    """The bus as one context sees it."""

    def __init__(self, bus: MemoryBus, context: str, ledger: Ledger, lanes: int) -> None:
        self.subscriptions = Subscriptions(context)
        self._bus = bus
        self._settlement = Settlement(ledger, self.subscriptions)
        self._lanes = Lanes[_Parcel](self._handle, lanes)

    def subscribe(self, event_class: type[EventT], reaction: Reaction[EventT]) -> None:
        """Let this context react to an event."""
        self.subscriptions.add(event_class, reaction)

    def listens_to(self, source: str) -> bool:
        """Whether events of this source are delivered here."""
        return any(source_of(producer) == source for producer in self.subscriptions.producers)

    async def publish(self, envelopes: Sequence[Envelope]) -> MemoryReceipt:
        """See `MemoryBus.publish`."""
        return await self._bus.publish(envelopes)

    async def start(self) -> None:
        """Begin to deliver to this context's reactions."""
        self._lanes.start()

    async def close(self, within: float) -> None:
        """Finish what is in flight, then stop. The others go on."""
        await self._lanes.drain(within)
        await self._lanes.stop()

    def take(self, parcel: _Parcel) -> None:
        """Queue an event behind the others of its subject."""
        envelope = parcel.envelope
        self._lanes.put((envelope.source, envelope.subject), envelope.sequence, parcel)

    async def _handle(self, parcel: _Parcel) -> Done | Again:
        outcome = await self._settlement.settle(parcel.envelope)
        if isinstance(outcome, Unpreceded):
            # Each source is published here in order, by one relay: nothing of the past can be in flight.
            outcome = await self._settlement.settle(parcel.envelope, adopt=True)
        if isinstance(outcome, Done):
            parcel.settle()
            return outcome
        return outcome if isinstance(outcome, Again) else Again(1.0)
