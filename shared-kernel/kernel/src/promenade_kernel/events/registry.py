"""Which class stands for which wire type. A wire type is an explicit string, never a class path."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time: aware, and in UTC when an event is sealed."""

_WIRE = re.compile(r"(?P<fact>[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)\.v(?P<major>[1-9][0-9]*)")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all event payloads: a fact that happened, complete enough that no consumer asks back.

    Within a major version only fields with defaults are added. Unknown fields are ignored when read.
    """


E = TypeVar("E", bound=Event)
Older = TypeVar("Older", bound=Event)
Upcast = Callable[[Any], Event]
"""Makes the newer form of a fact from the older one. Pure; what it raises makes the message poison."""

_classes: dict[str, type[Event]] = {}
_wires: dict[type[Event], str] = {}
_contexts: dict[type[Event], str] = {}
_instants: dict[type[Event], tuple[str, ...]] = {}
_older: dict[type[Event], tuple[type[Event], Upcast]] = {}


def event(
    wire: str, *, context: str, older: type[Older] | None = None, upcast: Callable[[Older], Event] | None = None
) -> Callable[[type[E]], type[E]]:
    """Register a class under its wire type, e.g. `@event("order.placed.v1", context="order-management")`.

    A `.v2` names the form before it and how that becomes the new one: `older=OrderPlaced, upcast=from_v1`.
    """
    major = major_of(wire)

    def register(cls: type[E]) -> type[E]:
        if wire in _classes:
            raise ValueError(f"{wire!r} is registered already, for {_classes[wire].__name__}")
        if cls in _wires:
            raise ValueError(f"{cls.__name__} is registered already, as {_wires[cls]!r}")
        _check_neighbours(wire, major, context, older)
        if (older is None) != (upcast is None):
            raise ValueError(f"{wire!r}: `older` and `upcast` go together")
        if older is not None and upcast is not None:
            _older[cls] = (older, upcast)
        _classes[wire] = cls
        _wires[cls] = wire
        _contexts[cls] = context
        return cls

    return register


def _check_neighbours(wire: str, major: int, context: str, older: type[Event] | None) -> None:
    """Forms are registered oldest first, each upcast from the one before, so that there is one way between two."""
    before, after = f"{fact_of(wire)}.v{major - 1}", f"{fact_of(wire)}.v{major + 1}"
    if after in _classes:
        raise ValueError(f"{after!r} is registered before {wire!r}: oldest first")
    if older is None:
        if before in _classes:
            raise ValueError(f"{wire!r} does not say how {before!r} is upcast to it")
        return
    if older not in _wires:
        raise ValueError(f"{older.__name__} is no registered event, {wire!r} cannot be made from it")
    if _wires[older] != before:
        raise ValueError(f"{wire!r} is made from {before!r}, not from {_wires[older]!r}")
    if _contexts[older] != context:
        raise ValueError(f"{before!r} belongs to {_contexts[older]}, not to {context}")


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
    return int(_parts(wire)["major"])


def is_wire_type(wire: str) -> bool:
    """Whether it is of the form `<aggregate>.<verb>.v<major>`."""
    return _WIRE.fullmatch(wire) is not None


def fact_of(wire: str) -> str:
    """What all forms of a fact have in common: `order.placed` for `order.placed.v1`."""
    return _parts(wire)["fact"]


def forms_of(cls: type[Event]) -> Iterator[type[Event]]:
    """The class and the older ones it can be made from, newest first."""
    yield cls
    while cls in _older:
        cls, _ = _older[cls]
        yield cls


def accepted_wires(cls: type[Event]) -> tuple[str, ...]:
    """The wire types an event of this class can be had from: its own, then older ones, newest first."""
    return tuple(_wires[form] for form in forms_of(cls))


def upcast(fact: Event, cls: type[E]) -> E:
    """Make the form `cls` of a fact from an older one, step by step.

    Raises `TypeError` when there is no way, and whatever a step raises.
    """
    if type(fact) is cls:
        return fact
    if cls not in _older:
        raise TypeError(f"there is no way from {type(fact).__name__} to {cls.__name__}")
    before, step = _older[cls]
    made = step(upcast(fact, before))
    if not isinstance(made, cls):
        raise TypeError(f"the upcast to {cls.__name__} made {type(made).__name__}")
    return made


def newest_first(forms: Sequence[Event]) -> list[Event]:
    """Sort the forms of one fact; `ValueError` when they are not of one fact, or two of the same version."""
    wires = [wire_type(form) for form in forms]
    if len({fact_of(wire) for wire in wires}) != 1 or len(set(wires)) != len(wires):
        raise ValueError(f"not the forms of one fact: {', '.join(wires) or 'none'}")
    return sorted(forms, key=lambda form: major_of(wire_type(form)), reverse=True)


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


def _parts(wire: str) -> re.Match[str]:
    match = _WIRE.fullmatch(wire)
    if match is None:
        raise ValueError(f"{wire!r} is not of the form <aggregate>.<verb>.v<major>")
    return match
