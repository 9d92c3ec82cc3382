"""Calling reactions: with the event as the cause of what they record, its ids in their logs, their time taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from msgspec import structs
from promenade_kernel.events.envelope import Envelope

from promenade_chassis.events.bus import Deliveries, Subscription
from promenade_chassis.ports import event_in_hand, put_down, take_in_hand
from promenade_chassis.telemetry.messages import traced_reaction
from promenade_chassis.telemetry.spans import tracing_is_on

_reaction: ContextVar[str | None] = ContextVar("promenade_reaction", default=None)


class Meters(Protocol):
    """What is counted of a context's reactions."""

    def handled(self, reaction: str, events: int, seconds: float) -> None:
        """So many events took effect, in so many seconds together."""
        ...

    def failed(self, reaction: str) -> None:
        """An attempt failed."""
        ...

    def duplicates(self, events: int) -> None:
        """So many were delivered again after they had taken effect."""
        ...

    def dead(self, reaction: str) -> None:
        """One was given up."""
        ...


class Uncounted:
    """Counts nothing."""

    def handled(self, reaction: str, events: int, seconds: float) -> None:
        """See `Meters.handled`."""

    def failed(self, reaction: str) -> None:
        """See `Meters.failed`."""

    def duplicates(self, events: int) -> None:
        """See `Meters.duplicates`."""

    def dead(self, reaction: str) -> None:
        """See `Meters.dead`."""


class Stopwatch:
    """What one transaction did: seconds and events of each reaction, and duplicates; told when it has committed."""

    def __init__(self, meters: Meters) -> None:
        self.duplicates = 0
        self._meters = meters
        self._taken: dict[str, tuple[int, float]] = {}

    def took(self, reaction: str, events: int, since: float) -> None:
        """So many events were handled since the moment given (`time.perf_counter`)."""
        count, seconds = self._taken.get(reaction, (0, 0.0))
        self._taken[reaction] = (count + events, seconds + time.perf_counter() - since)

    def committed(self) -> None:
        """Tell the meters."""
        for reaction, (events, seconds) in self._taken.items():
            self._meters.handled(reaction, events, seconds)
        if self.duplicates:
            self._meters.duplicates(self.duplicates)


async def react(subscription: Subscription, envelopes: Iterable[Envelope]) -> None:
    """Let one reaction act on events, in order: in one call if it takes several, else one after the other."""
    name, held = _reaction.set(subscription.name), take_in_hand(None)
    call, wanted = subscription.reaction, subscription.event_class
    try:
        if tracing_is_on():
            await _react_traced(subscription, list(envelopes))
            return
        if subscription.batch:
            await call(Deliveries(envelopes if isinstance(envelopes, Sequence) else list(envelopes), wanted))
            return
        for envelope in envelopes:
            take_in_hand(envelope)
            await call(envelope.open_as(wanted), envelope)
    except asyncio.CancelledError as cancelled:
        refuse_own_cancellation(cancelled)
        raise
    finally:
        put_down(held)
        _reaction.reset(name)


async def _react_traced(subscription: Subscription, envelopes: Sequence[Envelope]) -> None:
    """As `react`; what a reaction does is part of the trace of its event."""
    call, wanted = subscription.reaction, subscription.event_class
    if subscription.batch:
        with traced_reaction(subscription.name, envelopes):
            await call(Deliveries(envelopes, wanted))
        return
    for envelope in envelopes:
        with traced_reaction(subscription.name, (envelope,)) as span:
            inside = envelope if span is None else structs.replace(envelope, traceparent=span.traceparent)
            take_in_hand(inside)
            await call(inside.open_as(wanted), inside)


def refuse_own_cancellation(cancelled: asyncio.CancelledError) -> None:
    """A cancellation that a reaction raised by itself is its failure, not the end of the lane."""
    task = asyncio.current_task()
    if task is not None and not task.cancelling():
        raise RuntimeError("the reaction cancelled itself") from cancelled


def name_delivery(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For structlog: the ids of the event whose reaction is running, in every line it logs."""
    envelope, reaction = event_in_hand(), _reaction.get()
    if reaction is not None:
        event.setdefault("reaction", reaction)
    if envelope is not None:
        for key, value in ids_of(envelope).items():
            event.setdefault(key, value)
    return event


def ids_of(envelope: Envelope) -> dict[str, str]:
    """What a log line tells of an event."""
    return {
        "event_id": str(envelope.id),
        "type": envelope.type,
        "subject": str(envelope.subject),
        "correlation_id": envelope.correlationid,
    }
