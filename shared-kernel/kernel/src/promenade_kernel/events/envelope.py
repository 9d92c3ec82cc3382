"""The envelope every event travels in: CloudEvents 1.0 as JSON."""

import builtins
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from promenade_kernel.events.errors import PoisonMessage, UnknownEventType
from promenade_kernel.events.registry import (
    E,
    Event,
    Instant,
    accepted_wires,
    context_of,
    event_class,
    fact_of,
    instants_of,
    is_wire_type,
    major_of,
    newest_first,
    upcast,
    wire_type,
)
from promenade_kernel.values import codec
from promenade_kernel.values.ids import new_event_id

CONTENT_TYPE = "application/cloudevents+json"

_UTC = timedelta(0)


class Cause(msgspec.Struct, frozen=True):
    """Why an event happened.

    Attributes:
        correlation_id: the process it belongs to, passed on unchanged from event to event.
        causation_id: the event or request that caused it.
        traceparent: the W3C trace context, if there is one.
        actor: who did it: a user's id, or a name such as `system`.
    """

    correlation_id: str
    causation_id: str
    traceparent: str | None = None
    actor: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event on its way; attribute names are those of CloudEvents and its extensions.

    `sequence` counts the facts of one subject from 1 without gaps. `data` is the payload's JSON, untouched. `forms` are
    the major versions in which the fact was published, newest first, where there is more than this one.
    """

    specversion: Literal["1.0"]
    id: UUID
    source: str
    type: str
    subject: UUID
    time: Instant
    datacontenttype: Literal["application/json"]
    data: msgspec.Raw
    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    correlationid: str
    causationid: str
    traceparent: str | None = None
    actor: str | None = None
    forms: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]*(,[1-9][0-9]*)*$")] | None = None

    def encode(self) -> bytes:
        """Write the envelope as `application/cloudevents+json`."""
        return codec.encode(self)

    @staticmethod
    def decode(data: bytes) -> "Envelope":
        """Read an envelope; what is none is a `PoisonMessage`."""
        try:
            envelope = codec.decode(data, Envelope)
        except msgspec.DecodeError as fault:
            raise PoisonMessage(f"not an envelope: {fault}") from fault
        if b"\\" in data and b"\\u0000" in data:
            envelope.refuse_nul()
        if envelope.forms is not None and not is_wire_type(envelope.type):
            raise PoisonMessage(f"not an envelope: {envelope.type!r} has no forms")
        return envelope

    def refuse_nul(self) -> None:
        """Raise `PoisonMessage` when a field has a NUL, which no database keeps; the payload is its reader's."""
        for name in ("source", "type", "correlationid", "causationid", "traceparent", "actor"):
            if "\0" in (getattr(self, name) or ""):
                raise PoisonMessage(f"not an envelope: {name} has a NUL")

    def open(self) -> Event:
        """Read the payload; raises `UnknownEventType`, or `PoisonMessage` when it breaks its type's schema."""
        cls = event_class(self.type)
        if cls is None:
            raise UnknownEventType(self.type)
        return self._read_as(cls)

    def open_as(self, cls: builtins.type[E]) -> E:
        """Read the payload as `cls`, from its own wire type or an older form of the fact (see `accepted_wires`).

        Raises as `open` does; an older form that cannot be upcast is a `PoisonMessage`, another type a `TypeError`.
        """
        if self.type == wire_type(cls):
            return self._read_as(cls)
        fact = self.open()
        if self.type not in accepted_wires(cls):
            raise TypeError(f"{self.type} is no form of {wire_type(cls)}, nor older")
        try:
            return upcast(fact, cls)
        except Exception as fault:
            raise PoisonMessage(f"{self.type} {self.id}: no {wire_type(cls)} can be made from it: {fault}") from fault

    def _read_as(self, cls: builtins.type[E]) -> E:
        try:
            return codec.decode(self.data, cls)
        except msgspec.DecodeError as fault:
            raise PoisonMessage(f"{self.type} {self.id}: {fault}") from fault

    @property
    def types(self) -> tuple[str, ...]:
        """The wire types of all forms in which this fact was published, newest first."""
        if self.forms is None:
            return (self.type,)
        fact = fact_of(self.type)
        majors = sorted({int(major) for major in self.forms.split(",")} | {major_of(self.type)}, reverse=True)
        return tuple(f"{fact}.v{major}" for major in majors)

    @property
    def cause(self) -> Cause:
        """The cause of what follows from this event: the same process, caused by this."""
        return Cause(self.correlationid, str(self.id), self.traceparent, self.actor)


def seal(
    event: Event,
    *,
    subject: UUID,
    sequence: int,
    cause: Cause,
    id: UUID | None = None,  # noqa: A002 - the attribute's name in CloudEvents
    time: datetime | None = None,
) -> Envelope:
    """Put an event into its envelope; times that are not UTC are a `ValueError`."""
    if sequence < 1:
        raise ValueError("sequence counts from 1")
    for name in instants_of(type(event)):
        _require_utc(name, getattr(event, name))
    _require_utc("time", time)
    return Envelope(
        specversion="1.0",
        id=id or new_event_id(),
        source=source_of(context_of(event)),
        type=wire_type(event),
        subject=subject,
        time=time or datetime.now(UTC),
        datacontenttype="application/json",
        data=msgspec.Raw(codec.encode(event)),
        sequence=sequence,
        correlationid=cause.correlation_id,
        causationid=cause.causation_id,
        traceparent=cause.traceparent,
        actor=cause.actor,
    )


def seal_forms(
    forms: Sequence[Event], *, subject: UUID, sequence: int, cause: Cause, time: datetime | None = None
) -> list[Envelope]:
    """Seal all forms of one fact under one id, sequence and time, newest first; `ValueError` for other facts.

    Each says which others there are, so that a reader can go by one of them and pass over the rest.
    """
    sorted_forms = newest_first(forms)
    majors = ",".join(str(major_of(wire_type(form))) for form in sorted_forms) if len(sorted_forms) > 1 else None
    shared, at = new_event_id(), time or datetime.now(UTC)
    envelopes = [
        seal(form, subject=subject, sequence=sequence, cause=cause, id=shared, time=at) for form in sorted_forms
    ]
    return [msgspec.structs.replace(envelope, forms=majors) for envelope in envelopes] if majors else envelopes


def stream_of(context: str) -> str:
    """The stream a context publishes to: `promenade.order-management`."""
    return f"promenade.{context}"


def source_of(context: str) -> str:
    """The CloudEvents source of a context: `/promenade/order-management`."""
    return f"/promenade/{context}"


def _require_utc(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() != _UTC:
        raise ValueError(f"{name} must be an aware time in UTC")
