"""What in a newer specification breaks the clients of an older one, and whether its version says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from promenade_local.openapi_schemas import Comparison, resolved

Part = Mapping[str, Any]

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})


def breaking_changes(old: Part, new: Part) -> list[str]:
    """Say what breaks, one line each; nothing is well.

    Additions are no breaks: paths, operations, optional parameters and fields, further refusals.
    """
    return list(_Changes(old, new).all())


def version_says_so(old: str, new: str) -> bool:
    """Whether the newer version may break what the older one promised: another major, or minor while it is 0."""
    before, after = _numbers(old), _numbers(new)
    counting = 2 if before[0] == 0 else 1
    return after[:counting] > before[:counting]


class _Changes:
    def __init__(self, old: Part, new: Part) -> None:
        self._old = old
        self._new = new
        self._schemas = Comparison(old, new)

    def all(self) -> Iterator[str]:
        for path, item in _mapping(self._old, "paths").items():
            now = _mapping(_mapping(self._new, "paths"), path)
            for method in sorted(item.keys() & _METHODS):
                where = f"{method.upper()} {path}"
                if method in now:
                    yield from self._operation(where, _operation_of(item, method), _operation_of(now, method))
                else:
                    yield f"{where}: was removed"

    def _operation(self, where: str, old: Part, new: Part) -> Iterator[str]:
        if "operationId" in old and old["operationId"] != new.get("operationId"):
            yield f"{where}: operationId changed from {old['operationId']} to {new.get('operationId')}"
        doors = _doors(new, self._new)
        for door in _doors(old, self._old):
            if not any(other <= door for other in doors):
                yield f"{where}: needs {'another' if door else 'a'} token now"
        yield from self._parameters(where, old, new)
        yield from self._body(where, old, new)
        yield from self._answers(where, old, new)

    def _parameters(self, where: str, old: Part, new: Part) -> Iterator[str]:
        before, after = self._named(old, self._old), self._named(new, self._new)
        for key, parameter in before.items():
            at = f"{where} {key}"
            if key not in after:
                yield f"{at}: was removed"
                continue
            if after[key].get("required") and not parameter.get("required"):
                yield f"{at}: is now required"
            yield from self._schemas.of_request(at, parameter.get("schema", {}), after[key].get("schema", {}))
        for key, parameter in after.items():
            if key not in before and parameter.get("required"):
                yield f"{where} {key}: was added and is required"

    def _named(self, operation: Part, document: Part) -> dict[str, Part]:
        parameters = [resolved(part, document) for part in operation.get("parameters", ())]
        return {f"{part['in']} {str(part['name']).lower()}": part for part in parameters}

    def _body(self, where: str, old: Part, new: Part) -> Iterator[str]:
        before = resolved(_mapping(old, "requestBody"), self._old)
        after = resolved(_mapping(new, "requestBody"), self._new)
        at = f"{where} body"
        if after.get("required") and not before.get("required"):
            yield f"{at}: is now required"
        for media_type, content in _mapping(before, "content").items():
            now = _mapping(after, "content").get(media_type)
            if now is None:
                yield f"{at}: no longer takes {media_type}"
            else:
                yield from self._schemas.of_request(at, content.get("schema", {}), now.get("schema", {}))

    def _answers(self, where: str, old: Part, new: Part) -> Iterator[str]:
        after = _mapping(new, "responses")
        for status, answer in _mapping(old, "responses").items():
            if status not in after:
                yield f"{where} {status}: was removed"
                continue
            now = resolved(after[status], self._new)
            yield from self._answer(f"{where} {status}", resolved(answer, self._old), now)

    def _answer(self, where: str, old: Part, new: Part) -> Iterator[str]:
        for name, header in _mapping(old, "headers").items():
            now = _mapping(new, "headers").get(name)
            if now is None:
                yield f"{where} header {name}: was removed"
            elif resolved(header, self._old).get("required") and not resolved(now, self._new).get("required"):
                yield f"{where} header {name}: is now optional"
        for media_type, content in _mapping(old, "content").items():
            now = _mapping(new, "content").get(media_type)
            if now is None:
                yield f"{where}: is no longer {media_type}"
            else:
                yield from self._schemas.of_answer(where, content.get("schema", {}), now.get("schema", {}))


def _operation_of(item: Part, method: str) -> Part:
    """An operation with the parameters that its whole path has."""
    parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
    return {**item[method], "parameters": parameters}


def _doors(operation: Part, document: Part) -> list[frozenset[str]]:
    """The ways to be let in, each with the credentials it needs."""
    ways = operation.get("security", document.get("security", ()))
    return [frozenset(way) for way in ways] or [frozenset()]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


def _mapping(part: Part, key: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", part.get(key, {}))
