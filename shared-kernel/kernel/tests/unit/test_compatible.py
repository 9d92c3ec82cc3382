"""What may change within a major version, and what may not."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from promenade_kernel.events import registry
from promenade_kernel.events.registry import Event, all_events
from promenade_kernel.events.schemas import compatible, schema_of
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Money


class Part(msgspec.Struct, frozen=True):
    """Something inside."""

    name: str


class WiderPart(msgspec.Struct, frozen=True):
    """The same with a default more."""

    name: str
    size: int = 0


class OtherPart(msgspec.Struct, frozen=True):
    """The same with a field more."""

    name: str
    size: int


Schemas = Callable[..., dict[str, Any]]
BASE: dict[str, Any] = {"id": UUID, "name": str, "note": (str | None, None)}


@pytest.fixture
def schema() -> Iterator[Schemas]:
    """Make the schema of an event with these fields: a type, or a type and its default."""
    wire = "thing.done.v1"

    def make(**fields: Any) -> dict[str, Any]:
        declared = [(name, *kind) if isinstance(kind, tuple) else (name, kind) for name, kind in fields.items()]
        made = msgspec.defstruct("ThingDone", declared, bases=(Event,), frozen=True, kw_only=True)
        registry._wires[made] = wire  # pyright: ignore[reportPrivateUsage]
        try:
            return schema_of(made)  # pyright: ignore[reportArgumentType]
        finally:
            del registry._wires[made]  # pyright: ignore[reportPrivateUsage]

    return make


@pytest.mark.parametrize("wire", all_events())
def test_a_schema_is_compatible_with_itself(wire: str):
    """Nothing changed, nothing breaks."""
    made = schema_of(all_events()[wire])

    assert compatible(made, made) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("size", (int, 0)),
        ("size", (int | None, None)),
        ("parts", (tuple[Part, ...], ())),
        ("total", (Money | None, None)),
    ],
)
def test_a_field_with_a_default_may_be_added(schema: Schemas, name: str, kind: Any):
    """Old messages lack it, old readers ignore it."""
    assert compatible(schema(**BASE), schema(**BASE, **{name: kind})) == []


def test_a_field_without_a_default_may_not_be_added(schema: Schemas):
    """Old messages lack it."""
    assert compatible(schema(**BASE), schema(**BASE, size=int)) == ["/size: was added without a default"]


@pytest.mark.parametrize("name", BASE)
def test_a_field_may_not_be_removed(schema: Schemas, name: str):
    """Readers rely on it, also when it has a default."""
    less = {field: kind for field, kind in BASE.items() if field != name}

    assert compatible(schema(**BASE), schema(**less)) == [f"/{name}: was removed"]


def test_a_field_may_not_be_renamed(schema: Schemas):
    """A rename is a removal and an addition."""
    renamed = {"id": UUID, "title": str, "note": (str | None, None)}

    assert compatible(schema(**BASE), schema(**renamed)) == [
        "/name: was removed",
        "/title: was added without a default",
    ]
    assert compatible(schema(**BASE), schema(**{**renamed, "title": (str, "")})) == ["/name: was removed"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (str, int),
        (int, str),
        (int, float),
        (str, UUID),
        (str, Email),
        (str, str | None),
        (str | None, str),
        (str, list[str]),
        (list[str], list[int]),
        (list[str], dict[str, str]),
        (dict[str, str], dict[str, int]),
        (Literal["a", "b"], Literal["a"]),
        (Literal["a"], Literal["a", "b"]),
        (Part, OtherPart),
        (list[Part], list[OtherPart]),
        (Part | None, OtherPart | None),
        (Annotated[int, msgspec.Meta(ge=1)], int),
        (tuple[int, str], tuple[int, int]),
        (tuple[int, str], tuple[int, str, str]),
    ],
)
def test_a_type_may_not_change(schema: Schemas, before: Any, after: Any):
    """Narrower breaks old messages, wider breaks old readers."""
    faults = compatible(schema(**BASE, value=before), schema(**BASE, value=after))

    assert faults
    assert all(fault.startswith("/value") for fault in faults)


def test_optional_and_required_may_not_swap(schema: Schemas):
    """A default may neither come nor go: somebody still sends without, or still needs it."""
    needed, defaulted = schema(**BASE, size=int), schema(**BASE, size=(int, 0))

    assert compatible(needed, defaulted) == ["/size: became optional, older readers still require it"]
    assert compatible(defaulted, needed) == ["/size: became required, older messages may lack it"]


def test_a_default_may_not_change(schema: Schemas):
    """What an absent field means stays."""
    assert compatible(schema(**BASE, size=(int, 0)), schema(**BASE, size=(int, 1))) == ["/size: its default changed"]


def test_changes_inside_count(schema: Schemas):
    """A structure inside follows the same rules, however often it is used, and is named once."""
    before = schema(**BASE, part=Part, parts=list[Part])

    assert compatible(before, schema(**BASE, part=WiderPart, parts=list[WiderPart])) == []
    assert compatible(before, schema(**BASE, part=OtherPart, parts=list[OtherPart])) == [
        "/part/size: was added without a default"
    ]


def test_words_do_not_count(schema: Schemas):
    """Descriptions, titles and examples may change."""
    before = schema(**BASE)
    after = {**before, "title": "Other", "description": "Said better.", "examples": [{}]}

    assert compatible(before, after) == []


def test_order_does_not_count(schema: Schemas):
    """JSON objects have no order."""
    assert compatible(schema(**BASE), schema(**dict(reversed(BASE.items())))) == []
