"""Spans as the chassis sees them: a port, so that nothing here imports an SDK.

`tracer_of(context)` is None while telemetry is off; whoever begins a trace asks it once, when it is made. Inside a span
`current_span()` is that span, and what happens there becomes its child.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Literal, Protocol

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Attributes = Mapping[str, str | int | bool]

NO_ATTRIBUTES: Attributes = {}


class Span(Protocol):
    """A piece of work that takes time."""

    @property
    def traceparent(self) -> str:
        """The W3C header that makes something a child of this span."""
        ...

    def child(self, name: str, kind: Kind = "internal", attributes: Attributes = NO_ATTRIBUTES) -> Span:
        """Begin a piece of it."""
        ...

    def rename(self, name: str) -> None:
        """Call it this: the route is known only later."""
        ...

    def describe(self, attributes: Attributes) -> None:
        """Say more about it."""
        ...

    def fail(self, reason: str) -> None:
        """It did not go well; `reason` is the error's class or a status, never a message that may quote data."""
        ...

    def end(self) -> None:
        """It is over."""
        ...


class Tracer(Protocol):
    """Begins the spans of one context that no span of this process is the parent of."""

    def begin(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        state: str | None = None,
        links: Sequence[str] = (),
        since: int | None = None,
        attributes: Attributes = NO_ATTRIBUTES,
    ) -> Span:
        """Begin a span, now or at `since` (`time.time_ns`).

        `parent` and `links` are traceparents, `state` the parent's tracestate.
        """
        ...


_tracers: dict[str, Tracer] = {}
_current: ContextVar[Span | None] = ContextVar("promenade_span", default=None)


def use_tracer(context: str, tracer: Tracer) -> None:
    """Trace this context from now on; told before its parts are made."""
    _tracers[context] = tracer


def forget_tracers() -> None:
    """Trace nothing that is made from now on."""
    _tracers.clear()


def tracer_of(context: str) -> Tracer | None:
    """The context's tracer; None while telemetry is off."""
    return _tracers.get(context)


def tracing_is_on() -> bool:
    """Whether anything in this process is traced."""
    return bool(_tracers)


def current_span() -> Span | None:
    """The span of the work at hand, if it is traced."""
    return _current.get()


@contextmanager
def inside(span: Span) -> Generator[Span, None, None]:
    """Make it the current span, and end it; an exception that leaves the block is its failure."""
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        _current.reset(token)
        span.end()


class Occasion:
    """Work that is idle most of the time: it has a span from the moment it turns out to matter."""

    def __init__(self, tracer: Tracer, name: str) -> None:
        self._tracer = tracer
        self._name = name
        self._since = time.time_ns()
        self._span: Span | None = None

    def matters(self) -> Span:
        """It does; from here on its span is the current one."""
        if self._span is None:
            self._span = self._tracer.begin(self._name, "internal", since=self._since)
            _current.set(self._span)
        return self._span

    def end(self) -> None:
        """It is over."""
        if self._span is not None:
            self._span.end()


_occasion: ContextVar[Occasion | None] = ContextVar("promenade_occasion", default=None)


@contextmanager
def occasion(tracer: Tracer, name: str) -> Generator[Occasion, None, None]:
    """One run of such work."""
    made = Occasion(tracer, name)
    held, before = _occasion.set(made), _current.set(None)
    try:
        yield made
    except BaseException as error:
        made.matters().fail(type(error).__name__)
        raise
    finally:
        _current.reset(before)
        _occasion.reset(held)
        made.end()


def span_of_effect() -> Span | None:
    """The current span, for what has an effect: work that was idle so far matters by it."""
    span = _current.get()
    if span is not None:
        return span
    idle = _occasion.get()
    return None if idle is None else idle.matters()


_UNTRACED: AbstractContextManager[None] = nullcontext()


def piece(
    name: str, kind: Kind = "internal", attributes: Attributes = NO_ATTRIBUTES
) -> AbstractContextManager[Span | None]:
    """A child of the current span for the length of a block; nothing when there is none."""
    span = _current.get()
    return _UNTRACED if span is None else inside(span.child(name, kind, attributes))
