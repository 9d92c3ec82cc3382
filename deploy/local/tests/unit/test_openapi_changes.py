"""What breaks a client of an older specification, and what does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from promenade_local.openapi_changes import breaking_changes, version_says_so
from promenade_local.openapi_schemas import Comparison

Document = dict[str, Any]
Change = Callable[[Document], Any]

TEA: Document = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 50},
        "kind": {"enum": ["green", "black"]},
        "grams": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
SHOWN: Document = {
    "type": "object",
    "required": ["id", "kind"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"enum": ["green", "black"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "form": {"const": "leaf"},
        "box": {"anyOf": [{"type": "object", "properties": {"form": {"const": "tin"}}}, {"type": "null"}]},
        "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Line"}},
    },
}
LINE: Document = {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}
BASE: Document = {
    "info": {"title": "Tea", "version": "0.1.0"},
    "paths": {
        "/teas": {
            "get": {
                "operationId": "list_teas",
                "security": [],
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "kind", "in": "query", "schema": {"type": "string", "enum": ["green", "black"]}},
                ],
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {}}}}},
            },
            "post": {
                "operationId": "create_tea",
                "security": [{"bearer": []}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tea"}}}},
                "responses": {
                    "201": {
                        "description": "",
                        "headers": {"ETag": {"required": True, "schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Shown"}}},
                    },
                    "409": {"$ref": "#/components/responses/Conflict"},
                },
            },
        }
    },
    "components": {
        "schemas": {"Tea": TEA, "Shown": SHOWN, "Line": LINE},
        "responses": {"Conflict": {"description": "", "content": {"application/problem+json": {"schema": {}}}}},
    },
}


def get(document: Document) -> Any:
    return document["paths"]["/teas"]["get"]


def post(document: Document) -> Any:
    return document["paths"]["/teas"]["post"]


def schema(document: Document, name: str) -> Any:
    return document["components"]["schemas"][name]


def asked(document: Document, field: str) -> Any:
    return schema(document, "Tea")["properties"][field]


def shown(document: Document, field: str) -> Any:
    return schema(document, "Shown")["properties"][field]


BREAKING: dict[str, Change] = {
    "a path removed": lambda d: d["paths"].clear(),
    "an operation removed": lambda d: d["paths"]["/teas"].pop("get"),
    "an operation renamed": lambda d: get(d).update(operationId="teas"),
    "a token needed": lambda d: get(d).update(security=[{"bearer": []}]),
    "a parameter removed": lambda d: get(d)["parameters"].pop(),
    "a parameter required": lambda d: get(d)["parameters"][0].update(required=True),
    "a required parameter added": lambda d: get(d)["parameters"].append(
        {"name": "q", "in": "query", "required": True, "schema": {}}
    ),
    "a parameter's limit lowered": lambda d: get(d)["parameters"][0]["schema"].update(maximum=50),
    "a filter's value removed": lambda d: get(d)["parameters"][1]["schema"]["enum"].remove("green"),
    "the body required": lambda d: post(d)["requestBody"].update(required=True),
    "the body gone": lambda d: post(d).pop("requestBody"),
    "another media type taken": lambda d: post(d)["requestBody"].update(content={"text/plain": {"schema": {}}}),
    "a field no longer taken": lambda d: schema(d, "Tea")["properties"].pop("note"),
    "a field required": lambda d: schema(d, "Tea")["required"].append("kind"),
    "a required field added": lambda d: (
        schema(d, "Tea")["required"].append("origin"),
        schema(d, "Tea")["properties"].update(origin={"type": "string"}),
    ),
    "a choice no longer taken": lambda d: asked(d, "kind")["enum"].remove("black"),
    "a free text made a choice": lambda d: asked(d, "name").update(enum=["Sencha"]),
    "null no longer taken": lambda d: schema(d, "Tea")["properties"].update(note={"type": "string"}),
    "a type narrowed": lambda d: schema(d, "Tea")["properties"].update(grams={"type": "boolean"}),
    "a minimum raised": lambda d: asked(d, "grams").update(minimum=10),
    "a text made shorter": lambda d: asked(d, "name").update(maxLength=20),
    "a pattern added": lambda d: asked(d, "name").update(pattern="^[A-Z]"),
    "a format added": lambda d: asked(d, "name").update(format="email"),
    "items narrowed": lambda d: asked(d, "tags").update(items={"type": "string", "maxLength": 3}),
    "a list limited": lambda d: asked(d, "tags").update(maxItems=3),
    "an answer removed": lambda d: post(d)["responses"].pop("201"),
    "a refusal removed": lambda d: post(d)["responses"].pop("409"),
    "a header removed": lambda d: post(d)["responses"]["201"]["headers"].clear(),
    "a header optional": lambda d: post(d)["responses"]["201"]["headers"]["ETag"].update(required=False),
    "another media type answered": lambda d: d["components"]["responses"]["Conflict"].update(content={}),
    "a field no longer shown": lambda d: schema(d, "Shown")["properties"].pop("note"),
    "a shown field optional": lambda d: schema(d, "Shown")["required"].remove("kind"),
    "a shown field may be null": lambda d: schema(d, "Shown")["properties"].update(
        id={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]}
    ),
    "a shown type changed": lambda d: shown(d, "id").update(type="integer"),
    "a shown format changed": lambda d: shown(d, "id").pop("format"),
    "a shown choice made free": lambda d: schema(d, "Shown")["properties"].update(kind={"type": "string"}),
    "a shown mark changed": lambda d: shown(d, "form").update(const="bag"),
    "a shown kind of object added": lambda d: shown(d, "box").update(
        anyOf=[*shown(d, "box")["anyOf"], {"type": "object", "properties": {"form": {"const": "bag"}}}]
    ),
    "another token needed": lambda d: post(d).update(security=[{"key": []}]),
    "a second token needed": lambda d: post(d).update(security=[{"bearer": [], "key": []}]),
    "a token needed everywhere": lambda d: (get(d).pop("security"), d.update(security=[{"bearer": []}])),
    "a parameter required of the whole path": lambda d: d["paths"]["/teas"].update(
        parameters=[{"name": "q", "in": "query", "required": True, "schema": {}}]
    ),
    "a field of a nested object gone": lambda d: schema(d, "Line")["properties"].clear(),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a path added": lambda d: d["paths"].update({"/pots": {"get": {"responses": {}}}}),
    "a parameter added": lambda d: get(d)["parameters"].append({"name": "q", "in": "query", "schema": {}}),
    "a parameter's limit raised": lambda d: get(d)["parameters"][0]["schema"].update(maximum=500),
    "a filter's value added": lambda d: get(d)["parameters"][1]["schema"]["enum"].append("white"),
    "a token no longer needed": lambda d: post(d).update(security=[]),
    "another token taken too": lambda d: post(d)["security"].append({"key": []}),
    "a parameter moved to the whole path": lambda d: d["paths"]["/teas"].update(parameters=get(d).pop("parameters")),
    "a refusal added": lambda d: post(d)["responses"].update({"422": {"description": ""}}),
    "a header added": lambda d: post(d)["responses"]["201"]["headers"].update(Link={"schema": {}}),
    "a field taken too": lambda d: schema(d, "Tea")["properties"].update(origin={"type": "string"}),
    "a field no longer required": lambda d: schema(d, "Tea")["required"].clear(),
    "unknown fields taken": lambda d: schema(d, "Tea").pop("additionalProperties"),
    "a choice taken too": lambda d: asked(d, "kind")["enum"].append("white"),
    "null taken too": lambda d: schema(d, "Tea")["properties"].update(
        grams={"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
    ),
    "a text may be longer": lambda d: asked(d, "name").update(maxLength=500),
    "a limit gone": lambda d: asked(d, "grams").pop("minimum"),
    "an integer may be any number": lambda d: asked(d, "grams").update(type="number"),
    "a field shown too": lambda d: schema(d, "Shown")["properties"].update(origin={"type": "string"}),
    "a shown field always there": lambda d: schema(d, "Shown")["required"].append("note"),
    "a shown field never null": lambda d: schema(d, "Shown")["properties"].update(note={"type": "string"}),
    "a state added": lambda d: shown(d, "kind")["enum"].append("white"),
    "prose": lambda d: schema(d, "Tea").update(description="Leaves", title="Tea"),
    "a component renamed": lambda d: (
        d["components"]["schemas"].update(Cup=schema(d, "Line")),
        shown(d, "lines").update(items={"$ref": "#/components/schemas/Cup"}),
    ),
}


def after(change: Change) -> Document:
    changed = copy.deepcopy(BASE)
    change(changed)
    return changed


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_what_breaks_is_named(change: Change) -> None:
    """Who relied on the older specification is let down, and the line says where."""
    found = breaking_changes(BASE, after(change))

    assert found
    assert all("/teas" in line for line in found)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_what_only_adds_breaks_nobody(change: Change) -> None:
    """Further things, wider limits, and other words are no breaks."""
    assert breaking_changes(BASE, after(change)) == []


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.1.9", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "1.0.0", True),
        ("1.2.3", "1.9.0", False),
        ("1.2.3", "2.0.0", True),
        ("2.0.0", "1.9.9", False),
        ("0.10.0", "0.9.0", False),
    ],
)
def test_a_version_says_that_it_breaks(old: str, new: str, allowed: bool) -> None:
    """By its major number, and while that is 0 by its minor one."""
    assert version_says_so(old, new) is allowed


TEXTS = st.fixed_dictionaries(
    {"type": st.just("string")}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(1, 3)}
)
NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-1, 1), "maximum": st.integers(0, 3)},
)
CHOICES = st.builds(lambda values: {"enum": sorted(values)}, st.sets(st.sampled_from(["a", "b", "c"]), min_size=1))
LEAVES = TEXTS | NUMBERS | CHOICES | st.just({"type": "null"})
OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(["p", "q"]), LEAVES)},
    optional={"required": st.lists(st.sampled_from(["p", "q"]), unique=True), "additionalProperties": st.booleans()},
)
LISTS = st.fixed_dictionaries({"type": st.just("array"), "items": LEAVES}, optional={"maxItems": st.integers(0, 2)})
UNIONS = st.builds(lambda choices: {"anyOf": choices}, st.lists(LEAVES | OBJECTS, min_size=1, max_size=2))
SCHEMAS = LEAVES | OBJECTS | LISTS | UNIONS
SIMPLE = [None, -2, -1, 0, 1, 2, 3, 4, 0.5, "", "a", "b", "c", "abcd"]
LISTED = [[], ["a"], [1], ["a", 1], [None, "b", "c"]]
OBJECTED = [{}, *({"p": value} for value in SIMPLE), *({"p": "a", "q": value} for value in SIMPLE), {"r": 1}]
VALUES = [*SIMPLE, *LISTED, *OBJECTED]


@settings(max_examples=300)
@given(st.one_of(st.tuples(kind, kind) for kind in (LEAVES, OBJECTS, LISTS, UNIONS, SCHEMAS)))
def test_a_value_that_is_lost_is_a_break(pair: tuple[Document, Document]) -> None:
    """Whatever the schemas: where a value was taken and no longer is, a break is named."""
    old, new = pair
    before, now = Draft202012Validator(old), Draft202012Validator(new)

    lost = [value for value in VALUES if before.is_valid(value) and not now.is_valid(value)]

    assert not lost or list(Comparison({}, {}).of_request("", old, new)), lost


@given(SCHEMAS)
def test_a_schema_breaks_nothing_of_itself(same: Document) -> None:
    """In neither direction."""
    assert list(Comparison({}, {}).of_request("", same, same)) == []
    assert list(Comparison({}, {}).of_answer("", same, same)) == []
