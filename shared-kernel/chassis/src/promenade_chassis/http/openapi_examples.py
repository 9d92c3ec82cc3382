"""Examples: made from the schemas themselves, and from what a service says of its resources.

Formats, limits, choices and the words below give every field a value; `Documentation.examples` says, for a component,
what some of its fields are instead. A test validates every example against its schema.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from promenade_chassis.http.openapi_schemas import PREFIX, Schema, is_null

Example = Mapping[str, Any]

MOMENT = "2026-03-14T09:26:53Z"


@dataclass(frozen=True, slots=True)
class Documentation:
    """What a service says beyond its routes.

    `tags`: what each is about; `examples`: fields of components, by the component's name; `problem_members`: the
    schemas of what its problems have beside the usual members.
    """

    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    examples: Mapping[str, Example] = field(default_factory=dict[str, Example])
    problem_members: Mapping[str, Schema] = field(default_factory=dict[str, Schema])


# Values of fields that mean the same wherever they appear. None where the field may be left out.
_WORDS: dict[str, Any] = {
    "street": "Linke Wienzeile 12",
    "city": "Vienna",
    "postal_code": "1060",
    "country": "AT",
    "street2": None,
    "region": None,
    "currency": "EUR",
    "email": "ada@example.com",
    "phone": "+43158858",
    "next_cursor": None,
    "version": 3,
    "locale": "en-GB",
    "timezone": "Europe/Vienna",
    "amount": 1999,
}
_VALUES: dict[str, Example] = {
    "Discount": {"amount": None, "percent": "10"},
    "ReadinessReport": {
        "name": "order-management",
        "version": "0.1.0",
        "ready": True,
        "checks": {"database": True, "migrations": True, "redis": True},
    },
}


class Examples:
    """Makes examples for the components of one specification."""

    def __init__(self, components: Mapping[str, Schema], said: Mapping[str, Example]) -> None:
        self._components = components
        self._said = {**_VALUES, **said}

    def of(self, component: str) -> Any:
        """One realistic value of a component."""
        return self._component(component, "")

    def _value(self, schema: Schema, name: str) -> Any:
        if "$ref" in schema:
            return self._component(str(schema["$ref"]).removeprefix(PREFIX), name)
        if "anyOf" in schema:
            return self._choice(schema["anyOf"], name)
        if name in _WORDS and _WORDS[name] is not None:
            return _WORDS[name]
        for keyword in ("examples", "enum"):
            if schema.get(keyword):
                return schema[keyword][0]
        return self._typed(schema, name)

    def _choice(self, choices: list[Schema], name: str) -> Any:
        may_be_absent = any(is_null(choice) for choice in choices)
        if may_be_absent and name in _WORDS and _WORDS[name] is None:
            return None
        return self._value(next(choice for choice in choices if not is_null(choice)), name)

    def _component(self, component: str, name: str) -> Any:
        schema = self._components[component]
        if "properties" not in schema:
            return self._value(schema, name)
        said = self._said.get(component, {})
        fields = cast("dict[str, Schema]", schema["properties"])
        values = {name: said[name] if name in said else self._value(part, name) for name, part in fields.items()}
        needed = schema.get("required", ())
        return {name: value for name, value in values.items() if name in needed or value is not None}

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
