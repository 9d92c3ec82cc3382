"""Examples: made from the schemas themselves, and from what structs say of their fields.

A struct may declare `EXAMPLE: ClassVar[Example]`, values for some of its fields; all others follow from formats,
limits, choices and the words below. A test validates every example against its schema.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from promenade_chassis.http.openapi_schemas import PREFIX, Schema

Example = Mapping[str, Any]

MOMENT = "2026-03-14T09:26:53Z"

# Values of fields that mean the same wherever they appear.
_WORDS: dict[str, Any] = {
    "street": "Unter den Linden 1",
    "city": "Berlin",
    "postal_code": "10117",
    "country": "DE",
    "street2": None,
    "region": None,
    "currency": "EUR",
    "email": "ada@example.com",
    "phone": "+4930901820",
    "percent": "10",
    "next_cursor": None,
    "version": 3,
    "locale": "en-GB",
    "timezone": "Europe/Berlin",
}
# The kernel's values, which know nothing of specifications.
_VALUES: dict[str, Example] = {
    "Discount": {"amount": None},
}


class Examples:
    """Makes examples for the components of one specification."""

    def __init__(self, components: Mapping[str, Schema], structs: Mapping[str, type[msgspec.Struct]]) -> None:
        self._components = components
        self._structs = structs

    def of(self, component: str) -> Any:
        """One realistic value of a component."""
        return self._component(component, "")

    def _value(self, schema: Schema, name: str) -> Any:
        if "$ref" in schema:
            return self._component(str(schema["$ref"]).removeprefix(PREFIX), name)
        for keyword in ("examples", "enum"):
            if schema.get(keyword):
                return schema[keyword][0]
        if "anyOf" in schema:
            return self._choice(schema["anyOf"], name)
        if name in _WORDS:
            return _WORDS[name]
        return self._typed(schema, name)

    def _choice(self, choices: list[Schema], name: str) -> Any:
        nullable = any(choice.get("type") == "null" for choice in choices)
        if nullable and _WORDS.get(name, "") is None:
            return None
        return self._value(next(choice for choice in choices if choice.get("type") != "null"), name)

    def _component(self, component: str, name: str) -> Any:
        schema = self._components[component]
        if "properties" not in schema:
            return self._value(schema, name)
        given = {**_VALUES.get(component, {}), **declared(self._structs.get(component))}
        fields = cast("dict[str, Schema]", schema["properties"])
        values = {field: given[field] if field in given else self._value(part, field) for field, part in fields.items()}
        needed = schema.get("required", ())
        return {field: value for field, value in values.items() if field in needed or value is not None}

    def _typed(self, schema: Schema, name: str) -> Any:
        kind = schema.get("type")
        if kind == "array":
            return [self._value(schema["items"], name.removesuffix("s"))] if schema.get("items") else []
        if kind == "object":
            return {}
        if kind == "integer":
            return max(1, schema.get("minimum", 1))
        if kind == "boolean":
            return bool(schema.get("default", False))
        return _text(schema, name)


def declared(kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    """What a struct and those it inherits from say of their fields."""
    said: dict[str, Any] = {}
    for ancestor in reversed(kind.__mro__ if kind is not None else ()):
        said |= vars(ancestor).get("EXAMPLE", {})
    return said


def _text(schema: Schema, name: str) -> str:
    text_format = schema.get("format")
    if text_format == "uuid":
        return _identifier(name)
    if text_format == "date-time":
        return MOMENT
    if text_format == "date":
        return MOMENT[:10]
    return str(schema.get("default") or name.replace("_", " ") or "text")


def _identifier(name: str) -> str:
    """A UUIDv7 that is the same for the same field, so that a reader can follow an id through the page."""
    tail = uuid.uuid5(uuid.NAMESPACE_OID, name).hex[14:]
    return str(uuid.UUID(f"019a3f6e5c1b7{tail[1:3]}{tail[:1]}9{tail[3:18]}"))
