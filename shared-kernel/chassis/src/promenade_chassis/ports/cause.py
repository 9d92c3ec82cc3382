"""What caused the work at hand: carried into every envelope it records."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from promenade_kernel.events.envelope import Cause
from promenade_kernel.values.ids import new_id

_current: ContextVar[Cause | None] = ContextVar("promenade_cause", default=None)


def current_cause() -> Cause:
    """The cause of the work at hand; work nobody caused (timers) is a process of its own."""
    cause = _current.get()
    if cause is not None:
        return cause
    made = str(new_id())
    return Cause(correlation_id=made, causation_id=made, traceparent=None, actor=None)


@contextmanager
def use_cause(cause: Cause) -> Generator[None, None, None]:
    """Make `cause` the cause of everything recorded inside."""
    token = _current.set(cause)
    try:
        yield
    finally:
        _current.reset(token)
