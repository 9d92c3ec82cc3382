"""What a newer schema no longer accepts, or what a newer answer no longer promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

Schema = Mapping[str, Any]

_LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AS_IT_WAS = ("pattern", "format", "multipleOf", "uniqueItems", "const")


class Comparison:
    """Compares schemas of two documents. A request must take what it took, an answer keep what it promised.

    Left to the additive side, and so no break: a further field of an answer, a further value of its enumerations, and
    wider limits of its numbers and texts.
    """

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new
        self._comparing: set[tuple[str, str, bool]] = set()

    def of_request(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """What was valid to send and no longer is."""
        yield from self._compare(where, old, new, asked=True)

    def of_answer(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        """What a reader could rely on and no longer can."""
        yield from self._compare(where, old, new, asked=False)

    def _compare(self, where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[str]:
        pair = (str(old.get("$ref")), str(new.get("$ref")), asked)
        if pair in self._comparing:
            return
        named = "$ref" in old and "$ref" in new
        if named:
            self._comparing.add(pair)
        before, after = self._choices(old, self._old), self._choices(new, self._new)
        if len(before) == len(after) == 1:
            yield from self._one(where, before[0], after[0], asked=asked)
        else:
            yield from self._several(where, before, after, asked=asked)
        if named:
            self._comparing.discard(pair)

    def _several(self, where: str, old: list[Schema], new: list[Schema], *, asked: bool) -> Iterator[str]:
        """Every choice of the one side must be served by a choice of the other."""
        for choice in old if asked else new:
            pairs = [(choice, other) for other in new] if asked else [(other, choice) for other in old]
            if all(any(self._one(where, *pair, asked=asked)) for pair in pairs):
                kind = choice.get("title") or choice.get("type") or "something"
                yield f"{where}: no longer takes {kind}" if asked else f"{where}: may now be {kind}"

    def _one(self, where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[str]:
        narrow, wide = (old, new) if asked else (new, old)
        if not _types(narrow) <= _types(wide):
            yield f"{where}: the type changed from {_said(old)} to {_said(new)}"
            return
        yield from _values(where, old, new, asked=asked)
        yield from self._fields(where, old, new, asked=asked)
        yield from self._parts(where, old, new, asked=asked)

    def _fields(self, where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[str]:
        before, after = _mapping(old, "properties"), _mapping(new, "properties")
        needed, now_needed = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before):
            if name not in after:
                yield f"{where}/{name}: was removed"
                continue
            yield from self._compare(f"{where}/{name}", before[name], after[name], asked=asked)
        others = old.get("additionalProperties", True)
        if asked and others is not False:  # what could have any name could have had this one
            for name in sorted(after.keys() - before.keys()):
                unnamed = cast("Schema", others if isinstance(others, Mapping) else {})
                yield from self._compare(f"{where}/{name}", unnamed, after[name], asked=True)
        for name in sorted(now_needed - needed if asked else needed - now_needed):
            if asked or name in after:
                yield f"{where}/{name}: is now {'required' if asked else 'optional'}"

    def _parts(self, where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[str]:
        for keyword in ("items", "additionalProperties"):
            before, after = old.get(keyword, True), new.get(keyword, True)
            if isinstance(before, Mapping) and isinstance(after, Mapping):
                yield from self._compare(f"{where}/*", cast("Schema", before), cast("Schema", after), asked=asked)
            elif asked and (after is False or (before is True and after is not True)) and before is not False:
                yield f"{where}: {keyword} are restricted"
            elif not asked and before not in (True, False) and after is not False:
                yield f"{where}: {keyword} may now be anything"

    def _choices(self, schema: Schema, document: Mapping[str, Any]) -> list[Schema]:
        while "$ref" in schema:
            schema = resolved(schema, document)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return [part for choice in schema[keyword] for part in self._choices(choice, document)]
        return [schema]


def resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference stands for; anything else as it is."""
    found: Any = part
    if "$ref" in part:
        found = document
        for step in str(part["$ref"]).removeprefix("#/").split("/"):
            found = found[step]
    return cast("Mapping[str, Any]", found)


def _values(where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[str]:
    """What decides about single values, apart from their type."""
    if not asked:
        if "format" in old and old["format"] != new.get("format"):
            yield f"{where}: format changed from {old['format']} to {new.get('format')}"
        if "enum" in old and "enum" not in new:
            yield f"{where}: may now be any value"
        if "const" in old and old["const"] != new.get("const"):
            yield f"{where}: const changed from {old['const']} to {new.get('const')}"
        return
    lost = [value for value in _allowed(old) if "enum" in new and value not in new["enum"]]
    if lost or ("enum" in new and not {"enum", "const"} & old.keys()):
        yield f"{where}: no longer takes {', '.join(map(repr, lost)) or 'every value'}"
    for keyword in _AS_IT_WAS:
        if keyword in new and new[keyword] != old.get(keyword):
            yield f"{where}: {keyword} changed from {old.get(keyword)} to {new[keyword]}"
    for keyword in _LOWEST:
        if keyword in new and new[keyword] > old.get(keyword, float("-inf")):
            yield f"{where}: {keyword} rose from {old.get(keyword)} to {new[keyword]}"
    for keyword in _HIGHEST:
        if keyword in new and new[keyword] < old.get(keyword, float("inf")):
            yield f"{where}: {keyword} fell from {old.get(keyword)} to {new[keyword]}"


def _allowed(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


_ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def _types(schema: Schema) -> frozenset[str]:
    kinds = schema.get("type")
    if kinds is None:
        return frozenset(_type_of(value) for value in _allowed(schema)) or _ALL
    given = frozenset([kinds] if isinstance(kinds, str) else kinds)
    return given | {"integer"} if "number" in given else given


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", type(None): "null", list: "array", dict: "object"}
    return names[type(value)]


def _said(schema: Schema) -> str:
    return ", ".join(sorted(_types(schema))) if _types(schema) != _ALL else "anything"


def _mapping(schema: Schema, keyword: str) -> Mapping[str, Schema]:
    return cast("Mapping[str, Schema]", schema.get(keyword, {}))
