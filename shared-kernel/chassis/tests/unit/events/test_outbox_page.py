"""Pages of outbox rows."""

import pytest
from promenade_chassis.events.outbox_page import NO_PAGE, page_of
from promenade_chassis.events.stream_ids import NOTHING, StreamId


@pytest.mark.parametrize(("most", "expected"), [(1, 1), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (99, 3)])
def test_a_page_holds_what_fits_and_at_least_one_row(most: int, expected: int):
    """However large that one is: it has to go some day."""
    rows = [(number, b"x" * 10) for number in (4, 7, 8)]

    page = page_of(rows, 1_000, most)

    assert page.seqs == [4, 7, 8][:expected]
    assert page.envelopes == [b"x" * 10] * expected


@pytest.mark.parametrize(("most_rows", "most_bytes", "more"), [(4, 30, False), (3, 30, True), (4, 29, True)])
def test_a_page_tells_whether_there_may_be_more(most_rows: int, most_bytes: int, more: bool):
    """There may be when as many were asked for as came, and there is when not all of them fit."""
    rows = [(number, b"x" * 10) for number in (4, 7, 8)]

    page = page_of(rows, most_rows, most_bytes)

    assert page.more is more


def test_entries_of_a_page_follow_each_other():
    """The last id is counted from the first."""
    page = page_of([(4, b"a"), (9, b"b"), (5, b"c")], 1_000, 100).at(StreamId(7, 3))

    assert page.last_id == StreamId(7, 5)
    assert NO_PAGE.last_id == NOTHING
