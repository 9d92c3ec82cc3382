"""The schemas of a specification: what msgspec says of the structs that routes read and show.

Litestar's own schemas know no docstrings, no limits of the kernel's values and no order of optional fields, so the
bodies of requests and answers are described by the library that reads and writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from inspect import cleandoc
from typing import Any, cast, get_args

import msgspec
from promenade_kernel.values.codec import schema_hook

Schema = dict[str, Any]
PREFIX = "#/components/schemas/"


class Schemas:
    """The schemas of `asked` (what requests carry) and `shown` (what answers do); `components` are all they need.

    What is asked for refuses unknown fields, and says so. What is only shown has all its fields in every answer.
    """

    def __init__(self, asked: Sequence[Any], shown: Sequence[Any]) -> None:
        kinds = list(dict.fromkeys([*asked, *shown]))
        made, components = msgspec.json.schema_components(
            kinds, schema_hook=schema_hook, ref_template=PREFIX + "{name}"
        )
        self._of: dict[Any, Schema] = dict(zip(kinds, made, strict=True))
        self.components: dict[str, Schema] = _plain(components)
        received = set(self._reached(self._of[kind] for kind in asked))
        structs = {kind.__name__: kind for kind in structs_in(kinds)}
        for name, schema in self.components.items():
            if name not in structs:
                continue
            _mark_times(schema, structs[name])
            if name in received:
                schema["additionalProperties"] = False
            elif not structs[name].__struct_config__.omit_defaults:
                schema["required"] = list(schema["properties"])

    def of(self, kind: Any) -> Schema:
        """The schema of one of the types it was made from."""
        return self._of[kind]

    def _reached(self, roots: Iterable[Schema]) -> Iterator[str]:
        seen: set[str] = set()
        waiting = [name for root in roots for name in references(root)]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                yield name
                waiting += references(self.components[name])


def references(schema: Any) -> Iterator[str]:
    """The names of the components a schema refers to itself."""
    if isinstance(schema, Mapping):
        entries = cast("Mapping[str, Any]", schema)
        reference = entries.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(PREFIX)
        for part in entries.values():
            yield from references(part)
    elif isinstance(schema, list | tuple):
        for part in cast("Sequence[Any]", schema):
            yield from references(part)


def structs_in(kinds: Iterable[Any]) -> Iterator[type[msgspec.Struct]]:
    """Every struct that the types are made of, each once."""
    seen: set[Any] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in seen:
            seen.add(kind)
            yield kind
            waiting += [field.type for field in msgspec.structs.fields(kind)]


def is_null(schema: Schema) -> bool:
    """Whether the schema stands for null alone."""
    return schema.get("type") == "null"


def _mark_times(schema: Schema, kind: type[msgspec.Struct]) -> None:
    """Say of times that they are; msgspec does so only where a type insists on a zone. Ours always have one."""
    for field in msgspec.structs.fields(kind):
        if datetime in (field.type, *get_args(field.type)):
            shown = schema["properties"][field.encode_name]
            part = next(choice for choice in shown.get("anyOf", [shown]) if not is_null(choice))
            part["format"] = "date-time"


def _plain(part: Any) -> Any:
    # Newer Pythons strip a docstring's indentation; stripped here the documents are the same under all of them.
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in cast("dict[str, Any]", part).items()}
    if isinstance(part, list | tuple):
        return [_plain(value) for value in cast("Sequence[Any]", part)]
    return cleandoc(part) if isinstance(part, str) else part
