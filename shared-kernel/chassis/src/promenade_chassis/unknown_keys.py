"""A key that nobody knows, and the one that was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, get_args

import msgspec

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]+)`(?: - at `\$\.?(?P<path>[^`]*)`)?")
_NEAR = 0.65


def nearest(name: str, known: Iterable[str], *, likeness: float = _NEAR) -> str | None:
    """The known name that looks most like this one, if one is as like it as that (1: the same)."""
    return next(iter(difflib.get_close_matches(name, sorted(known), n=1, cutoff=likeness)), None)


def in_words(error: msgspec.ValidationError, kind: type[Any]) -> str:
    """What msgspec says; of an unknown key also which one was meant, or which there are."""
    found = _UNKNOWN.fullmatch(str(error))
    if found is None:
        return str(error)
    path = found["path"] or ""
    known = _keys_at(kind, path.split(".") if path else [])
    return f"unknown key `{found['key']}`{f' in {path}' if path else ''}; {hint(found['key'], known)}"


def hint(name: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or all that could be meant."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else f"known are {', '.join(sorted(known)) or 'none'}"


def _keys_at(kind: Any, path: list[str]) -> list[str]:
    struct = _struct_in(kind)
    if struct is None:
        return []
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    return _keys_at(fields.get(path[0]), path[1:]) if path else list(fields)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct behind an optional or annotated one."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((found for each in get_args(kind) if (found := _struct_in(each)) is not None), None)
