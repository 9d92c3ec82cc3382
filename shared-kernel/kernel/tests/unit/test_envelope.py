"""Sealing, writing, reading and opening envelopes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from promenade_kernel.events.billing import InvoicePaid
from promenade_kernel.events.envelope import Cause, Envelope, seal, source_of, stream_of
from promenade_kernel.events.errors import PoisonMessage, UnknownEventType
from promenade_kernel.events.identity import UserLocked, UserRegistered
from promenade_kernel.events.registry import Event, all_events
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.values.ids import new_id

CAUSE = Cause("process-1", "request-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "user-1")


def sealed(fact: Event | None = None, **changes: Any) -> Envelope:
    """An envelope around some event."""
    arguments: dict[str, Any] = {"subject": new_id(), "sequence": 1, "cause": CAUSE, **changes}
    return seal(fact or UserRegistered(user_id=new_id()), **arguments)


def altered(**changes: Any) -> bytes:
    """The JSON of an envelope with attributes changed; `...` removes one."""
    plain = {**msgspec.json.decode(sealed().encode()), **changes}
    return msgspec.json.encode({name: value for name, value in plain.items() if value is not ...})


@pytest.mark.parametrize("wire", all_events())
def test_every_event_survives_the_journey(wire: str):
    """What is sealed, written, read and opened is what happened."""
    envelope = sealed(SAMPLES[wire], sequence=7)

    arrived = Envelope.decode(envelope.encode())

    assert arrived == envelope
    assert arrived.encode() == envelope.encode()
    assert arrived.open() == SAMPLES[wire]
    assert arrived.type == wire


def test_is_a_cloud_event():
    """The attributes are those of CloudEvents 1.0 and its extensions, with their JSON types."""
    subject, at = new_id(), datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

    plain = msgspec.json.decode(sealed(subject=subject, sequence=3, time=at).encode())

    assert plain.pop("data")["user_id"]
    assert UUID(plain.pop("id")).version == 7
    assert plain == {
        "specversion": "1.0",
        "source": "/promenade/identity",
        "type": "user.registered.v1",
        "subject": str(subject),
        "time": "2026-01-05T09:30:00Z",
        "datacontenttype": "application/json",
        "sequence": 3,
        "correlationid": "process-1",
        "causationid": "request-1",
        "traceparent": CAUSE.traceparent,
        "actor": "user-1",
    }
    assert all(name.isalnum() and name.islower() for name in plain)


def test_absent_attributes_are_left_out():
    """Without trace and actor there is no null on the wire."""
    plain = msgspec.json.decode(sealed(cause=Cause("a", "b")).encode())

    assert "traceparent" not in plain
    assert "actor" not in plain


def test_id_and_time_may_be_given():
    """Both forms of one fact share their id; a test may choose the time."""
    made, at = new_id(), datetime(2026, 1, 5, tzinfo=UTC)

    envelope = sealed(id=made, time=at)

    assert (envelope.id, envelope.time) == (made, at)


def test_time_is_now_in_utc():
    """Without a time given, the envelope says when it was sealed."""
    before = datetime.now(UTC)

    at = sealed().time

    assert before <= at <= datetime.now(UTC)
    assert at.utcoffset() == timedelta(0)


def test_what_follows_belongs_to_the_same_process():
    """The cause of a reaction's events is the event, in the same process and trace."""
    envelope = sealed()

    assert envelope.cause == Cause("process-1", str(envelope.id), CAUSE.traceparent, "user-1")


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 1, 5), datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=2)))],  # noqa: DTZ001
)
def test_times_are_utc(moment: datetime):
    """A naive time or one of another zone is refused before it is published."""
    with pytest.raises(ValueError, match="until must be an aware time in UTC"):
        sealed(UserLocked(user_id=new_id(), until=moment))
    with pytest.raises(ValueError, match="time must be an aware time in UTC"):
        sealed(time=moment)


def test_utc_has_many_names():
    """A database's UTC is as good as Python's."""
    envelope = sealed(UserLocked(user_id=new_id(), until=datetime(2026, 1, 5, tzinfo=ZoneInfo("UTC"))))

    assert b'"until":"2026-01-05T00:00:00Z"' in envelope.encode()


@pytest.mark.parametrize("sequence", [0, -1])
def test_sequences_count_from_one(sequence: int):
    """A subject's first fact has number 1."""
    with pytest.raises(ValueError, match="from 1"):
        sealed(sequence=sequence)


def test_unknown_attributes_are_ignored():
    """A newer producer may add attributes."""
    assert Envelope.decode(altered(dataref="https://example.com")).type == "user.registered.v1"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"specversion": "1.0"',
        altered(specversion="0.3"),
        altered(specversion=...),
        altered(id="1"),
        altered(subject=...),
        altered(sequence=0),
        altered(sequence="1"),
        altered(sequence=True),
        altered(sequence=1.5),
        altered(time="2026-01-05T00:00:00"),
        altered(time="yesterday"),
        altered(data=...),
        altered(datacontenttype="text/xml"),
    ],
)
def test_what_is_no_envelope_is_poison(data: bytes):
    """What can never be read is told apart from what may work later."""
    with pytest.raises(PoisonMessage):
        Envelope.decode(data)


def test_an_unknown_type_is_not_poison():
    """A newer type is skipped, not dead-lettered."""
    envelope = Envelope.decode(altered(type="user.cloned.v1"))

    with pytest.raises(UnknownEventType) as caught:
        envelope.open()
    assert caught.value.wire == "user.cloned.v1"


@pytest.mark.parametrize(
    "data", [{}, None, [], "x", {"user_id": 7}, {"user_id": str(new_id()), "email": "no email"}, {"user_id": None}]
)
def test_a_broken_payload_is_poison(data: object):
    """A missing or malformed field can never be read."""
    with pytest.raises(PoisonMessage, match=r"user\.registered\.v1"):
        Envelope.decode(altered(data=data)).open()


def test_a_float_is_no_amount():
    """An amount that went through a float is poison, also when it is whole."""
    plain = msgspec.json.decode(sealed(SAMPLES["invoice.paid.v1"]).encode())
    plain["data"]["amount_paid"]["amount"] = 71.5

    with pytest.raises(PoisonMessage, match="amount_paid"):
        Envelope.decode(msgspec.json.encode(plain)).open()


def test_unknown_fields_are_ignored():
    """Within a major version fields may be added."""
    envelope = sealed(SAMPLES["invoice.paid.v1"])
    plain = msgspec.json.decode(envelope.encode())
    plain["data"]["mood"] = "good"
    plain["data"]["total"]["mood"] = "good"

    opened = Envelope.decode(msgspec.json.encode(plain)).open()

    assert isinstance(opened, InvoicePaid)
    assert opened == SAMPLES["invoice.paid.v1"]


def test_streams_and_sources_are_named_after_contexts():
    """One stream and one source per context."""
    assert stream_of("order-management") == "promenade.order-management"
    assert source_of("order-management") == "/promenade/order-management"
