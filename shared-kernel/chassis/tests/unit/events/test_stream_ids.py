"""Ids of stream entries."""

from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.events.stream_ids import NOTHING, StreamId

IDS = st.builds(StreamId, st.integers(0, 2**48), st.integers(0, 2**64 - 1))


@given(entry=IDS)
def test_an_id_survives_being_written(entry: StreamId):
    """What Redis reads is what was meant."""
    assert StreamId.parse(str(entry)) == entry
    assert StreamId.parse(str(entry).encode()) == entry


def test_ids_compare_by_number_not_by_text():
    """9 comes before 10."""
    assert StreamId.parse("9-9") < StreamId.parse("9-10") < StreamId.parse("10-0")


@given(entry=IDS.filter(lambda entry: entry != NOTHING))
def test_before_is_the_next_smaller_id(entry: StreamId):
    """Nothing fits between an id and the one before it."""
    before = entry.before()

    assert before < entry
    assert entry in (StreamId(before.milliseconds, before.number + 1), StreamId(before.milliseconds + 1, 0))


def test_nothing_is_before_nothing():
    """The smallest id has no smaller one."""
    assert NOTHING.before() == NOTHING
