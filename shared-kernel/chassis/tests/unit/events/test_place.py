"""Whose turn it is."""

from uuid import uuid4

import msgspec
import pytest
from promenade_chassis.events.place import Facts, Place, Position, gap_pause, place_of, read_facts


@pytest.mark.parametrize(
    ("sequence", "last", "stood_for", "adopt", "place"),
    [
        (1, 0, 0.0, False, Place.NEXT),
        (8, 7, 0.0, False, Place.NEXT),
        (7, 7, 99.0, False, Place.BEHIND),
        (3, 7, 0.0, True, Place.BEHIND),
        (9, 7, 0.0, False, Place.AHEAD),
        (9, 7, 99.0, True, Place.AHEAD),
        (5, 0, 9.9, False, Place.AHEAD),
        (5, 0, 10.0, False, Place.UNPRECEDED),
        (5, 0, 10.0, True, Place.NEXT),
    ],
)
def test_an_event_is_placed_by_its_subjects_progress(
    sequence: int, last: int, stood_for: float, adopt: bool, place: Place
):
    """Only a subject never handled before can be adopted; a gap in a known one waits for ever."""
    assert place_of(sequence, Position(last, stood_for), gap_wait=10.0, adopt=adopt) is place


def test_a_missing_event_is_looked_for_after_100_ms():
    """Often while it may be a moment away, seldom where the subject stands still."""
    assert gap_pause(Position(3, 0.2)) == 0.1
    assert gap_pause(Position(3, 3600.0)) == 1.0


def test_facts_are_read_from_what_is_no_valid_envelope():
    """A message without a time still says whose turn it takes."""
    facts = Facts(uuid4(), "/promenade/identity", "user.suspended.v1", uuid4(), 4)

    assert read_facts(msgspec.json.encode(facts)) == facts


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[]", b'{"id": 1}', b"null", b'{"sequence": 1}', b'"\xed\xa0\x80"'])
def test_garbage_has_no_facts(raw: bytes):
    """What cannot be made out is no error."""
    assert read_facts(raw) is None


@pytest.mark.parametrize(
    "spoilt",
    [
        {"source": "/promenade/\0identity"},
        {"type": "user.\0suspended.v1"},
        {"source": "/" * 256},
        {"sequence": 2**63},
    ],
)
def test_what_no_row_could_hold_is_no_fact(spoilt: dict[str, object]):
    """PostgreSQL would refuse it, and whoever asked would try again for ever."""
    facts = {"id": uuid4(), "source": "/promenade/identity", "type": "user.suspended.v1", "subject": uuid4()}

    assert read_facts(msgspec.json.encode({**facts, "sequence": 1, **spoilt})) is None


def test_what_is_nested_too_deeply_has_no_facts():
    """Also where nobody wants to know what is in there; how deep is too deep depends on the Python."""
    facts = Facts(uuid4(), "/promenade/identity", "user.suspended.v1", uuid4(), 4)
    nested = b',"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    assert read_facts(msgspec.json.encode(facts)[:-1] + nested) is None
