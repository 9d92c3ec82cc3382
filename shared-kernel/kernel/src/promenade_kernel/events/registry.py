"""Which class stands for which wire type. A wire type is an explicit string, never a class path."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time: aware, and in UTC when an event is sealed."""

_WIRE = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*\.v(?P<major>[1-9][0-9]*)")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all event payloads: a fact that happened, complete enough that no consumer asks back.

    Within a major version only fields with defaults are added. Unknown fields are ignored when read.
    """


E = TypeVar("E", bound=Event)

_classes: dict[str, type[Event]] = {}
_wires: dict[type[Event], str] = {}
_contexts: dict[type[Event], str] = {}
_instants: dict[type[Event], tuple[str, ...]] = {}


def event(wire: str, *, context: str) -> Callable[[type[E]], type[E]]:
    """Register a class under its wire type, e.g. `@event("order.placed.v1", context="order-management")`."""
    if not _WIRE.fullmatch(wire):
        raise ValueError(f"{wire!r} is not of the form <aggregate>.<verb>.v<major>")

    def register(cls: type[E]) -> type[E]:
        if wire in _classes:
            raise ValueError(f"{wire!r} is registered already, for {_classes[wire].__name__}")
        if cls in _wires:
            raise ValueError(f"{cls.__name__} is registered already, as {_wires[cls]!r}")
        _classes[wire] = cls
        _wires[cls] = wire
        _contexts[cls] = context
        return cls

    return register


def event_class(wire: str) -> type[Event] | None:
    """The class of a wire type, None when this kernel does not know it."""
    return _classes.get(wire)


def wire_type(fact: Event | type[Event]) -> str:
    """The wire type of an event or of its class."""
    return _wires[fact if isinstance(fact, type) else type(fact)]


def context_of(fact: Event | type[Event]) -> str:
    """The context that publishes the event."""
    return _contexts[fact if isinstance(fact, type) else type(fact)]


def major_of(wire: str) -> int:
    """The major version of a wire type: 1 for `order.placed.v1`."""
    match = _WIRE.fullmatch(wire)
    if match is None:
        raise ValueError(f"{wire!r} is not of the form <aggregate>.<verb>.v<major>")
    return int(match["major"])


def all_events() -> Mapping[str, type[Event]]:
    """Every registered class by its wire type."""
    return MappingProxyType(_classes)


def instants_of(cls: type[Event]) -> tuple[str, ...]:
    """The names of the fields of an event class that hold a point in time."""
    known = _instants.get(cls)
    if known is None:
        known = tuple(field.name for field in msgspec.structs.fields(cls) if _is_instant(field.type))
        _instants[cls] = known
    return known


def _is_instant(wanted: object) -> bool:
    described = msgspec.inspect.type_info(wanted)
    if isinstance(described, msgspec.inspect.UnionType):
        return any(isinstance(choice, msgspec.inspect.DateTimeType) for choice in described.types)
    return isinstance(described, msgspec.inspect.DateTimeType)
