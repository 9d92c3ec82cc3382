"""What caused the work at hand: carried into every envelope it records."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.values.ids import new_id

_current: ContextVar[Cause | Envelope | None] = ContextVar("promenade_cause", default=None)


def current_cause() -> Cause:
    """The cause of the work at hand; work nobody caused (timers) is a process of its own."""
    held = _current.get()
    if isinstance(held, Envelope):
        return held.cause
    if held is not None:
        return held
    made = str(new_id())
    return Cause(correlation_id=made, causation_id=made, traceparent=None, actor=None)


def event_in_hand() -> Envelope | None:
    """The event whose reaction is running, if one is."""
    held = _current.get()
    return held if isinstance(held, Envelope) else None


def traceparent_in_hand() -> str | None:
    """The W3C trace context of the work at hand, if it has a cause that brought one."""
    held = _current.get()
    return held.traceparent if held is not None else None


@contextmanager
def use_cause(cause: Cause | Envelope) -> Generator[None, None, None]:
    """Make `cause` the cause of everything recorded inside; an envelope's own cause is what follows from its event."""
    token = _current.set(cause)
    try:
        yield
    finally:
        _current.reset(token)


take_in_hand = _current.set
"""As `use_cause`, until `put_down(token)`: for whoever hands over many events one after the other."""
put_down = _current.reset
