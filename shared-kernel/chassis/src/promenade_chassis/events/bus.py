"""What a bus is: the ports that both adapters implement, and the list of who reacts to what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload

import msgspec
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.registry import Event, accepted_wires, context_of

EventT = TypeVar("EventT", bound=Event)
EventT_contra = TypeVar("EventT_contra", bound=Event, contravariant=True)


class BusClosed(RuntimeError):
    """The bus was closed before this was done; what is in an outbox is published again at the next start."""


class Delivered(msgspec.Struct, Generic[EventT]):
    """One event handed to a reaction that takes several at once."""

    envelope: Envelope
    wanted: type[EventT]
    opened: EventT | None = None

    @property
    def event(self) -> EventT:
        """The payload, read at the first look, an older form upcast; raises as `Envelope.open_as` does."""
        if self.opened is None:
            self.opened = self.envelope.open_as(self.wanted)
        return self.opened


class Deliveries(Sequence[Delivered[EventT]]):
    """The events of one batch; each is made when it is looked at."""

    __slots__ = ("envelopes", "wanted")

    def __init__(self, envelopes: Sequence[Envelope], wanted: type[EventT]) -> None:
        self.envelopes = envelopes
        self.wanted = wanted

    def __len__(self) -> int:
        return len(self.envelopes)

    def __iter__(self) -> Iterator[Delivered[EventT]]:
        wanted = self.wanted
        return iter([Delivered(envelope, wanted) for envelope in self.envelopes])

    @overload
    def __getitem__(self, index: int) -> Delivered[EventT]: ...
    @overload
    def __getitem__(self, index: slice) -> Deliveries[EventT]: ...
    def __getitem__(self, index: int | slice) -> Delivered[EventT] | Deliveries[EventT]:
        if isinstance(index, slice):
            return Deliveries(self.envelopes[index], self.wanted)
        return Delivered(self.envelopes[index], self.wanted)


class Reaction(Protocol[EventT_contra]):
    """What a context does about an event: `async def on_order_placed(event, envelope)`.

    It runs inside the transaction that also remembers it as done: all it writes through the same database commits
    with that, once. Anything else it touches (mail, HTTP) may happen twice. Its `__name__` is stored; renaming a
    reaction makes it a new one.
    """

    @property
    def __name__(self) -> str: ...

    def __call__(self, event: EventT_contra, envelope: Envelope, /) -> Awaitable[None]: ...


class BatchReaction(Protocol[EventT]):
    """A set-based reaction: `async def on_order_placed(batch)` gets all the events of one transaction at once.

    Of one subject they come in order. When it raises, all that it did is rolled back and it is called again for one
    event after the other. What it records is caused by each event only inside `with use_cause(each.envelope.cause)`.
    """

    @property
    def __name__(self) -> str: ...

    def __call__(self, batch: Deliveries[EventT], /) -> Awaitable[None]: ...


AnyReaction = Reaction[EventT] | BatchReaction[EventT]


class Receipt(Protocol):
    """Proof of publication. Awaiting it waits until every reaction has committed or been dead-lettered."""

    def __await__(self) -> Generator[Any, None, None]: ...

    def done(self) -> bool:
        """Whether it is settled."""
        ...


class Bus(Protocol):
    """One context's view of the bus."""

    async def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Hand events over, in order; waits for room, except inside a reaction."""
        ...

    def subscribe(
        self, event_class: type[EventT], reaction: AnyReaction[EventT], *, batch: bool = False, alone: bool = False
    ) -> None:
        """Let this context react to an event; before `start`.

        Reactions to several events share a transaction. `batch`: the reaction takes all of them in one call.
        `alone`: each call has a transaction of its own; for one that holds what everybody waits for, such as the row
        of a number series.
        """
        ...

    async def start(self) -> None:
        """Begin to deliver to this context's reactions."""
        ...

    async def close(self, within: float) -> None:
        """Take no more, finish what is in flight for so many seconds, then stop."""
        ...


@dataclass(frozen=True, slots=True)
class Subscription:
    """One reaction of one context to one event class. `name` is `<context>.<function>`, what inbox rows carry."""

    name: str
    event_class: type[Event]
    reaction: Callable[..., Awaitable[None]]
    batch: bool = False
    alone: bool = False


class Subscriptions:
    """All that one context reacts to.

    A reaction may subscribe to several events. Of a fact in several forms (`.v1`, `.v2`) it subscribes to one class and
    gets older forms upcast to it: it acts on the first form that arrives, the inbox row says it is done, for all forms
    share an id. The newest is published first, so that what it says in full is normally what arrives first.
    """

    def __init__(self, context: str) -> None:
        self.context = context
        self._by_type: dict[str, tuple[Subscription, ...]] = {}
        self._by_name: dict[str, Callable[..., Awaitable[None]]] = {}
        self._producers: set[str] = set()

    def add(
        self,
        event_class: type[EventT],
        reaction: AnyReaction[EventT],
        *,
        batch: bool = False,
        alone: bool = False,
    ) -> None:
        """Register a reaction; another one of the same name would take its inbox rows and is refused."""
        name = f"{self.context}.{reaction.__name__}"
        if self._by_name.setdefault(name, reaction) != reaction:
            raise ValueError(f"another reaction is called {name}")
        if batch and alone:
            raise ValueError(f"{name} cannot take all events of a transaction and be alone in it")
        wires = accepted_wires(event_class)
        for wire in wires:
            if any(present.name == name for present in self.of(wire)):
                raise ValueError(f"{name} is subscribed to {wire} already")
        for wire in wires:
            if any(present.event_class is not event_class for present in self.of(wire)):
                raise ValueError(f"the reactions of {self.context} to {wire} ask for different forms of one fact")
        subscription = Subscription(name, event_class, reaction, batch=batch, alone=alone)
        for wire in wires:
            self._by_type[wire] = (*self.of(wire), subscription)
        self._producers.add(context_of(event_class))

    def of(self, wire: str) -> tuple[Subscription, ...]:
        """The reactions to a wire type, in order of subscription."""
        return self._by_type.get(wire, ())

    def passes_over(self, envelope: Envelope) -> bool:
        """Whether this form of a fact is to be left alone, because another of its forms is what this context reads.

        Were it to advance the subject, the form that is read would come behind its turn, and perhaps, at another
        replica, behind the next fact.
        """
        if envelope.forms is None or envelope.type in self._by_type:
            return False
        return any(wire in self._by_type for wire in envelope.types)

    @property
    def producers(self) -> frozenset[str]:
        """The contexts listened to: every event of theirs is delivered, also those nobody here reacts to."""
        return frozenset(self._producers)

    @property
    def names(self) -> frozenset[str]:
        """The names of all reactions."""
        return frozenset(self._by_name)

    @property
    def wire_types(self) -> frozenset[str]:
        """The wire types reacted to."""
        return frozenset(self._by_type)
