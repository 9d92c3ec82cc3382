"""The declaration of a list, and its pages in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_chassis.lists import IncompleteList, ListStatement
from promenade_chassis.ports import ListOf, NoFilters, PageRequest, Place, Sort, UnknownSort
from promenade_chassis.testing.list_contract import in_order
from promenade_chassis.testing.lists import page_in_memory

NOW = datetime(2026, 2, 28, tzinfo=UTC)


@dataclass(frozen=True)
class Tea:
    id: UUID
    name: str
    brewed_at: datetime | None = None


@dataclass(frozen=True)
class TeaFilter:
    name: str | None = None
    owner: UUID | None = None


TEAS = ListOf(Tea, TeaFilter, Sort("name", str), Sort("brewed_at", datetime, nullable=True), own="owner")
WORDS = ("id", "-id", "name", "-name", "brewed_at", "-brewed_at")
TEA = st.builds(
    Tea,
    id=st.uuids(),
    name=st.sampled_from(["a", "B", "ä", "👍", "ab"]),
    brewed_at=st.none() | st.integers(min_value=0, max_value=3).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


def test_every_sort_has_two_directions() -> None:
    """And every list can be sorted by id; the default is one of its words."""
    assert TEAS.words == WORDS
    assert (TEAS.default, TEAS.order(None)) == ("-id", TEAS.order("-id"))
    assert [TEAS.order(word).word for word in WORDS] == list(WORDS)


@pytest.mark.parametrize("word", ["", "-", "NAME", "--name", "+name", "name,id", "owner", "name;DROP TABLE tea"])
def test_an_unknown_sort_names_those_there_are(word: str) -> None:
    """Nothing but the declared words is taken."""
    with pytest.raises(UnknownSort, match="id, -id, name, -name, brewed_at, -brewed_at"):
        TEAS.order(word)


def test_a_default_is_one_of_the_sorts() -> None:
    """A mistake in a declaration shows when it is imported."""
    with pytest.raises(UnknownSort):
        ListOf(Tea, NoFilters, default="-name")


@pytest.mark.parametrize(
    ("where", "sorts"),
    [
        ({"name": "x"}, {"name": "name", "brewed_at": "brewed_at"}),
        ({"name": "x", "owner": "x", "more": "x"}, {"name": "name", "brewed_at": "brewed_at"}),
        ({"name": "x", "owner": "x"}, {"name": "name"}),
        ({"name": "x", "owner": "x"}, {"name": "name", "brewed_at": "brewed_at", "id": "id"}),
    ],
    ids=["no-filter", "a-filter-more", "no-sort", "a-sort-more"],
)
def test_sql_says_what_the_list_declares(where: dict[str, str], sorts: dict[str, str]) -> None:
    """A filter or sort without its SQL, or the other way round: the service does not start."""
    with pytest.raises(IncompleteList):
        ListStatement(TEAS, select="SELECT * FROM tea WHERE true", where=where, sorts=sorts)  # type: ignore[arg-type]


@given(st.lists(TEA, max_size=20, unique_by=lambda tea: tea.id), st.sampled_from(WORDS), st.integers(1, 7))
def test_walking_pages_shows_every_row_once(teas: list[Tea], word: str, limit: int) -> None:
    """In the order of the sort, whatever is equal or missing, in as few pages as can be."""
    seen: list[UUID] = []
    pages, after = 0, None

    while pages == 0 or after is not None:
        page = page_in_memory(TEAS, teas, PageRequest(limit, after, word))
        seen += [tea.id for tea in page.items]
        after, pages = page.next_after, pages + 1

    assert seen == in_order(teas, word)
    assert pages == max(1, ceil(len(teas) / limit))


@given(st.lists(TEA, max_size=20, unique_by=lambda tea: tea.id), st.sampled_from(WORDS), TEA)
def test_a_place_parts_a_list_in_two(teas: list[Tea], word: str, other: Tea) -> None:
    """Also one where nothing stands (any more): what comes after it is what would come after a row there."""
    teas = [tea for tea in teas if tea.id != other.id]
    place: Place = TEAS.order(word).place_of(other)

    rest = page_in_memory(TEAS, teas, PageRequest(100, place, word))

    whole = in_order([*teas, other], word)
    assert [tea.id for tea in rest.items] == whole[whole.index(other.id) + 1 :]
