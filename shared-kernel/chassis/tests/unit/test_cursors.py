"""Cursors: what is signed, and what is not one of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from string import ascii_letters, digits
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.config import ConfigurationError, HttpSettings
from promenade_chassis.http.cursors import BadCursor, Cursors, cursors_of, require_cursor_key
from promenade_chassis.ports import Ordering, Place, Sort, SortValue

OLD, NEW = "an old key of thirty-two letters", "a new key of thirty-two letters."
CURSORS = Cursors("tiny", [NEW])
LIST = b"the list"
BASE64 = ascii_letters + digits + "-_"
ORDERINGS = {
    str: Ordering(Sort("name", str), False),
    datetime: Ordering(Sort("at", datetime, nullable=True), True),
    int: Ordering(Sort("size", int), False),
    type(None): Ordering(None, True),
}
VALUES = st.one_of(
    st.none(),
    st.text(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.datetimes(timezones=st.just(UTC)),
)


@given(st.uuids(), VALUES)
def test_a_cursor_leads_back_to_its_place(row: UUID, value: SortValue | None) -> None:
    """What a list handed out it understands, to the microsecond, and it fits into a query as it is."""
    place = Place(row, value)
    cursor = CURSORS.write(place, LIST)

    assert CURSORS.read(cursor, LIST, ORDERINGS[type(value)]) == place
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=60) | st.text(alphabet="ABCDEFabcdef0123456789-_+/=", max_size=60))
def test_any_other_text_is_a_bad_cursor(text: str) -> None:
    """Nothing a client makes up is an error of ours, or a place."""
    with pytest.raises(BadCursor):
        CURSORS.read(text, LIST, ORDERINGS[str])


def test_no_sign_of_a_cursor_can_be_changed() -> None:
    """Not one, the last of its spelling included, where base64 has bits that mean nothing; none added or left out."""
    cursor = CURSORS.write(Place(uuid4(), "Ada"), LIST)
    changed = {
        variant
        for at in range(len(cursor) + 1)
        for sign in ("", *BASE64)
        for variant in (cursor[:at] + sign + cursor[at + 1 :], cursor[:at] + sign + cursor[at:])
    } - {cursor}

    accepted = [text for text in changed if is_read(text)]

    assert accepted == []
    assert len(changed) > 5000


def is_read(cursor: str) -> bool:
    try:
        return CURSORS.read(cursor, LIST, ORDERINGS[str]) is not None
    except BadCursor:
        return False


@pytest.mark.parametrize(
    "others",
    [(Cursors("tiny", [NEW]), b"another list"), (Cursors("other", [NEW]), LIST), (Cursors("tiny", [OLD]), LIST)],
    ids=["list", "service", "key"],
)
def test_a_cursor_is_good_for_one_list(others: tuple[Cursors, bytes]) -> None:
    """Of one service, under one key."""
    cursors, belongs_to = others
    cursor = cursors.write(Place(uuid4()), belongs_to)

    with pytest.raises(BadCursor):
        CURSORS.read(cursor, LIST, ORDERINGS[type(None)])


def test_a_key_can_be_changed_while_walks_go_on() -> None:
    """First the new one is known beside the old, then it signs, then the old one goes."""
    before = cursors_of("tiny", HttpSettings(cursor_key=OLD, cursor_key_other=NEW))
    after = cursors_of("tiny", HttpSettings(cursor_key=NEW, cursor_key_other=OLD))
    place, order = Place(uuid4()), ORDERINGS[type(None)]

    assert after.read(before.write(place, LIST), LIST, order) == place
    assert before.read(after.write(place, LIST), LIST, order) == place
    assert CURSORS.read(after.write(place, LIST), LIST, order) == place
    with pytest.raises(BadCursor):
        CURSORS.read(before.write(place, LIST), LIST, order)


@pytest.mark.parametrize(
    ("value", "order"),
    [
        (None, ORDERINGS[str]),
        (3, ORDERINGS[str]),
        ("x", ORDERINGS[datetime]),
        ("x", ORDERINGS[type(None)]),
    ],
)
def test_a_place_that_cannot_be_in_the_list_is_refused(value: SortValue | None, order: Ordering) -> None:
    """A release before may have signed it, when the list had another type of value there."""
    cursor = CURSORS.write(Place(uuid4(), value), LIST)

    with pytest.raises(BadCursor):
        CURSORS.read(cursor, LIST, order)


@pytest.mark.parametrize(
    "http",
    [HttpSettings(), HttpSettings(cursor_key=NEW[:-1]), HttpSettings(cursor_key=NEW, cursor_key_other="short")],
    ids=["none", "too-short", "other-too-short"],
)
def test_nobody_serves_without_a_key(http: HttpSettings) -> None:
    """The variable to set is named."""
    with pytest.raises(ConfigurationError, match="PROMENADE_CURSOR_KEY"):
        require_cursor_key(http)


def test_a_key_worth_the_name_is_enough() -> None:
    """Thirty-two characters; the other one may be missing."""
    require_cursor_key(HttpSettings(cursor_key=NEW))
    require_cursor_key(HttpSettings(cursor_key=NEW, cursor_key_other=OLD))


def test_without_a_key_each_process_has_its_own() -> None:
    """Made up, so that nobody can guess it; good enough for tests."""
    place, order = Place(uuid4()), ORDERINGS[type(None)]
    mine, yours = cursors_of("tiny", HttpSettings()), cursors_of("tiny", HttpSettings())

    assert mine.read(mine.write(place, LIST), LIST, order) == place
    with pytest.raises(BadCursor):
        yours.read(mine.write(place, LIST), LIST, order)
