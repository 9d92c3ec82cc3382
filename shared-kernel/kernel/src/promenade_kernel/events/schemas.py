"""The JSON schema of an event type, and what makes a newer one unfit to replace an older one."""

from collections.abc import Iterator, Mapping, Sequence
from inspect import cleandoc
from typing import Any, cast

import msgspec

from promenade_kernel.events.registry import Event, wire_type
from promenade_kernel.values.codec import schema_hook

Schema = Mapping[str, Any]

# What explains a schema without deciding which data fits it.
_PROSE = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "default", "$comment"})
_STRUCTURE = frozenset({"$ref", "properties", "required", "items", "prefixItems", "anyOf", "additionalProperties"})


def schema_of(cls: type[Event]) -> dict[str, Any]:
    """Generate the JSON schema (2020-12) of an event class, complete in itself."""
    (root,), definitions = msgspec.json.schema_components([cls], schema_hook=schema_hook, ref_template="#/$defs/{name}")
    own = definitions.pop(root["$ref"].rpartition("/")[2])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:promenade:event:{wire_type(cls)}",
        **own,
    }
    if definitions:
        schema["$defs"] = dict(sorted(definitions.items()))
    return _plain(schema)


def components_of(structs: Sequence[type[msgspec.Struct]], prefix: str) -> dict[str, Any]:
    """Generate the schemas of several structs and of all they are made of, by name; they refer to `{prefix}{name}`."""
    _, definitions = msgspec.json.schema_components(structs, schema_hook=schema_hook, ref_template=prefix + "{name}")
    return _plain(dict(sorted(definitions.items())))


def compatible(old_schema: Schema, new_schema: Schema) -> list[str]:
    """Say what breaks when `new_schema` takes the place of `old_schema` in the same major version; nothing is well.

    Both directions count, because old and new releases run side by side: the new class must read what was written
    before, and the old class what is written from now on. Only fields with defaults may be added.
    """
    return list(_Comparison(old_schema, new_schema).at("", old_schema, new_schema))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str]] = set()

    def at(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        where = path or "the event"
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and "$ref" in new:
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        for keyword in sorted((old.keys() | new.keys()) - _PROSE - _STRUCTURE):
            if old.get(keyword) != new.get(keyword):
                yield f"{where}: {keyword} changed from {old.get(keyword)!r} to {new.get(keyword)!r}"
        yield from self._fields(path, old, new)
        yield from self._parts(path, old, new)

    def _fields(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        before, after = _mapping(old, "properties"), _mapping(new, "properties")
        needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in before:
            field = f"{path}/{name}"
            if name not in after:
                yield f"{field}: was removed"
                continue
            if name in needed_before - needed_after:
                yield f"{field}: became optional, older readers still require it"
            elif name in needed_after - needed_before:
                yield f"{field}: became required, older messages may lack it"
            elif "default" in before[name] and before[name]["default"] != after[name].get("default"):
                yield f"{field}: its default changed"
            yield from self.at(field, before[name], after[name])
        for name in after:
            if name not in before and name in needed_after:
                yield f"{path}/{name}: was added without a default"

    def _parts(self, path: str, old: Schema, new: Schema) -> Iterator[str]:
        for keyword in ("items", "additionalProperties"):
            before, after = old.get(keyword), new.get(keyword)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self.at(f"{path}/*", cast("Schema", before), cast("Schema", after))
            elif before != after:
                yield f"{path or 'the event'}: {keyword} changed from {before!r} to {after!r}"
        for keyword in ("anyOf", "prefixItems"):
            before, after = _choices(old, keyword), _choices(new, keyword)
            if len(before) != len(after):
                yield f"{path or 'the event'}: {keyword} changed from {len(before)} to {len(after)} choices"
                continue
            for earlier, later in zip(before, after, strict=True):
                yield from self.at(path, earlier, later)


def _plain(schema: Any) -> Any:
    # Newer Pythons strip a docstring's indentation; stripped here the files are the same under all of them.
    if isinstance(schema, dict):
        entries = cast("dict[str, Any]", schema)
        return {key: _plain(part) for key, part in entries.items()}
    if isinstance(schema, list | tuple):
        return [_plain(part) for part in cast("Sequence[Any]", schema)]
    return cleandoc(schema) if isinstance(schema, str) else schema


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return cast("Schema", root["$defs"][str(reference).rpartition("/")[2]])


def _mapping(schema: Schema, keyword: str) -> Mapping[str, Schema]:
    return cast("Mapping[str, Schema]", schema.get(keyword, {}))


def _choices(schema: Schema, keyword: str) -> list[Schema]:
    return cast("list[Schema]", schema.get(keyword, []))
