"""The bus inside one process: tests, and the whole suite under `--single`.

It keeps nothing. What is lost with the process is still unpublished in the outboxes, is published again at the next
start, and the ledgers know what had taken effect.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

import msgspec
from promenade_kernel.events.envelope import Envelope, source_of

from promenade_chassis.events.bus import AnyReaction, BusClosed, EventT, Subscriptions
from promenade_chassis.events.lanes import DEFAULT_BATCH, Lanes, inside_lane
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import Again, Done, Outcome, Unpreceded
from promenade_chassis.events.settle import Settlement

DEFAULT_ROOM = 10_000
DEFAULT_LANES = 4


class MemoryReceipt:
    """Settled when all of its events are."""

    __slots__ = ("_abandoned", "_future", "_left", "_settled")

    def __init__(self, events: int, settled: Callable[[MemoryReceipt], None]) -> None:
        self._left = events
        self._settled = settled
        self._abandoned = False
        self._future: asyncio.Future[None] | None = None  # made only for who waits

    def __await__(self) -> Generator[Any, None, None]:
        # Shielded: several may wait, and one of them being cancelled is no matter of the others.
        return asyncio.shield(self._waiting()).__await__()

    def done(self) -> bool:
        """Whether it is settled."""
        return self._left == 0

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call back, on the event loop, once it is settled; never when the bus is closed first."""
        self._waiting().add_done_callback(lambda future: None if future.exception() else callback())

    def count_down(self, events: int = 1) -> None:
        """So many of its events are settled."""
        self._left -= events
        if self._left == 0:
            self._settled(self)
            if self._future is not None and not self._future.done():
                self._future.set_result(None)

    def abandon(self) -> None:
        """It will never be settled."""
        self._abandoned = True
        if self._future is not None and not self._future.done():
            self._conclude(self._future)

    def _waiting(self) -> asyncio.Future[None]:
        if self._future is None:
            self._future = asyncio.get_running_loop().create_future()
            if self._left == 0 or self._abandoned:
                self._conclude(self._future)
        return self._future

    def _conclude(self, future: asyncio.Future[None]) -> None:
        if self._left == 0:
            future.set_result(None)
        else:
            future.set_exception(BusClosed("the bus was closed before every reaction had committed"))
            future.exception()  # marks it as seen: nobody has to wait for a receipt


class _Room:
    """So many events of one source may be under way; who publishes more waits, in the order of asking."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free = capacity
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, wanted: int) -> int:
        """Room for as many as there is, at least one and at most `wanted`."""
        while self._free <= 0:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        taken = min(wanted, self._free)
        self._free -= taken
        self._wake()
        return taken

    def give_back(self, events: int) -> None:
        """So many have been settled."""
        self._free += events
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class _Shipment:
    """Events published together: one receipt, and the room they take until every context has settled them."""

    __slots__ = ("_left", "_receipt", "_room", "contexts")

    def __init__(self, contexts: int, receipt: MemoryReceipt, room: _Room | None) -> None:
        self.contexts = contexts
        self._receipt = receipt
        self._room = room
        self._left: dict[int, int] = {}

    def settle(self, number: int, events: int) -> None:
        """One context has settled so many, from the event numbered so on."""
        if self.contexts > 1:
            events = self._last_of_all(number, events)
        if events:
            if self._room is not None:
                self._room.give_back(events)
            self._receipt.count_down(events)

    def _last_of_all(self, number: int, events: int) -> int:
        settled = 0
        for each in range(number, number + events):
            left = self._left.get(each, self.contexts) - 1
            if left:
                self._left[each] = left
            else:
                self._left.pop(each, None)
                settled += 1
        return settled


class _Parcel(msgspec.Struct, eq=False, gc=False):
    """One event on its way."""

    envelope: Envelope
    shipment: _Shipment
    number: int


class MemoryBus:
    """Shared by all contexts of a process; each works with its own view of it.

    `room` bounds the events under way of each source, so that one whose events wait for another's never blocks it.
    """

    def __init__(self, *, room: int = DEFAULT_ROOM) -> None:
        self._capacity = room
        self._rooms: dict[str, _Room] = {}
        self._views: list[ContextView] = []
        self._listening: dict[str, list[ContextView]] = {}
        self._receipts: set[MemoryReceipt] = set()
        self._published = False
        self._closed = False

    def for_context(
        self, context: str, ledger: Ledger, *, lanes: int = DEFAULT_LANES, batch: int = DEFAULT_BATCH
    ) -> ContextView:
        """A context's view. All views are made before anything is published, or they would miss it."""
        if self._published:
            raise RuntimeError("a context joins the bus before anything is published")
        view = ContextView(self, context, ledger, lanes, batch)
        self._views.append(view)
        return view

    async def publish(self, envelopes: Sequence[Envelope]) -> MemoryReceipt:
        """Hand events over, in order; waits for room, except inside a reaction."""
        self._published = True
        receipt = MemoryReceipt(len(envelopes), self._receipts.discard)
        if envelopes:
            self._receipts.add(receipt)
        rest = inside_lane()
        place = 0
        while place < len(envelopes):
            source = envelopes[place].source
            end = place + 1
            while end < len(envelopes) and envelopes[end].source == source:
                end += 1
            await self._hand_over(source, envelopes[place:end], receipt, waits=not rest)
            place = end
        return receipt

    async def close(self, within: float) -> None:
        """Take no more, let every context finish what is in flight, then stop."""
        self._closed = True
        await asyncio.gather(*(view.close(within) for view in self._views))
        for receipt in self._receipts:
            receipt.abandon()
        self._receipts.clear()
        for room in self._rooms.values():
            room.give_back(1)

    async def _hand_over(
        self, source: str, envelopes: Sequence[Envelope], receipt: MemoryReceipt, *, waits: bool
    ) -> None:
        """Events of one source: as many at a time as there is room for."""
        views = self._listening_to(source)
        room = self._rooms.setdefault(source, _Room(self._capacity)) if waits else None
        while envelopes:
            count = len(envelopes) if room is None else await room.take(len(envelopes))
            if self._closed:
                if room is not None:
                    room.give_back(count)  # wakes the next one who waits, to be told the same
                raise BusClosed("the bus is closed")
            shipment = _Shipment(len(views), receipt, room)
            part, envelopes = envelopes[:count], envelopes[count:]
            for view in views:
                view.take(part, shipment)
            if not views:
                shipment.settle(0, count)

    def _listening_to(self, source: str) -> list[ContextView]:
        views = self._listening.get(source)
        if views is None:
            views = self._listening[source] = [view for view in self._views if view.listens_to(source)]
        return views

    def forget_listeners(self) -> None:
        """Somebody has subscribed to more."""
        self._listening.clear()


class ContextView:
    """The bus as one context sees it."""

    def __init__(self, bus: MemoryBus, context: str, ledger: Ledger, lanes: int, batch: int) -> None:
        self.subscriptions = Subscriptions(context)
        self._bus = bus
        self._settlement = Settlement(ledger, self.subscriptions)
        self._lanes = Lanes[_Parcel](
            self._handle, lanes, subject=_subject, rank=_sequence, batch=batch, gather=ledger.gather_seconds
        )

    def subscribe(
        self, event_class: type[EventT], reaction: AnyReaction[EventT], *, batch: bool = False, alone: bool = False
    ) -> None:
        """See `Bus.subscribe`."""
        self.subscriptions.add(event_class, reaction, batch=batch, alone=alone)
        self._bus.forget_listeners()

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

    def take(self, envelopes: Sequence[Envelope], shipment: _Shipment) -> None:
        """Queue events behind the others of their subjects."""
        count = self._lanes.count
        dealt: list[list[_Parcel]] = [[] for _ in range(count)]
        for number, envelope in enumerate(envelopes):
            dealt[envelope.subject.int % count].append(_Parcel(envelope, shipment, number))
        self._lanes.put_dealt(dealt)

    async def _handle(self, parcels: Sequence[_Parcel]) -> Sequence[Done | Again] | None:
        outcomes = await self._settlement.settle_all([parcel.envelope for parcel in parcels])
        if outcomes is None:
            _settle(parcels)
            return None
        concluded = [await self._conclude(parcel, outcome) for parcel, outcome in zip(parcels, outcomes, strict=True)]
        # Told only now: had one of them raised, all would be handled, and told, once more.
        _settle([parcel for parcel, outcome in zip(parcels, concluded, strict=True) if isinstance(outcome, Done)])
        return concluded

    async def _conclude(self, parcel: _Parcel, outcome: Outcome) -> Done | Again:
        if isinstance(outcome, Unpreceded):
            # Each source is published here in order, by one relay: nothing of the past can be in flight.
            outcome = await self._settlement.settle(parcel.envelope, adopt=True)
        return Again(1.0) if isinstance(outcome, Unpreceded) else outcome


def _subject(parcel: _Parcel) -> int:
    # Aggregates of two contexts never share an id; if they did they would only wait for each other.
    return parcel.envelope.subject.int


def _sequence(parcel: _Parcel) -> int:
    return parcel.envelope.sequence


def _settle(parcels: Sequence[_Parcel]) -> None:
    """All are done; neighbours of one shipment are told in one go where that is possible."""
    start = 0
    for end in range(1, len(parcels) + 1):
        shipment = parcels[start].shipment
        if end == len(parcels) or parcels[end].shipment is not shipment or shipment.contexts > 1:
            shipment.settle(parcels[start].number, end - start)
            start = end
