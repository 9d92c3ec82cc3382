"""Plain JSON data to typed values, with every fault and not the first alone.

msgspec stops at the first fault and ignores unknown fields. So the parts of a type that can be walked (structs,
lists, mappings, unions of them) are walked here, and what is left (texts, numbers, times, values) is msgspec's.
A type is looked at once: `reader_of` keeps what it found. What msgspec takes is taken, unknown fields aside.

A body of one MiB can hold half a million faults: whoever has found `MOST_FAULTS` looks no further.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol, TypeVar, Union, cast, get_args, get_origin

import msgspec
from promenade_kernel.values import codec
from promenade_kernel.values.errors import InvalidValue

from promenade_chassis.ports import Fault

Faults = list[Fault]
T = TypeVar("T")

MOST_FAULTS = 100
LONGEST_ECHO = 200

_PATH_SUFFIX = re.compile(r" - at `[^`]*`( in `[^`]*`)?$")
_CODES = (
    ("Object missing required field", "required"),
    ("Invalid enum value", "invalid-choice"),
    ("of length", "invalid-length"),
    ("matching regex", "invalid-format"),
    ("`int` >", "out-of-range"),
    ("`int` <", "out-of-range"),
    ("timezone component", "timezone-required"),
    ("Invalid", "invalid-format"),
    ("Expected", "wrong-type"),
    ("", "invalid"),
)


class Reader(Protocol):
    """Reads values of one type."""

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        """The value that `plain` stands for; adds to `faults` and answers None where there is none."""
        ...

    def knows(self, plain: Any) -> bool:
        """Whether no object in it has a field that its type does not have; the types of values are not looked at."""
        ...


def reader_of(kind: Any) -> Reader:
    """The reader of a type; of structs always the same one."""
    known = _structs.get(kind) if isinstance(kind, type) else None
    return known or _make_reader(kind)


def escaped(name: str) -> str:
    """A field's name as part of a JSON pointer (RFC 6901)."""
    return shortened(name).replace("~", "~0").replace("/", "~1")


def shortened(text: str) -> str:
    """Words of a client's, as they are told to him: without their end where they are very long."""
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"


class _Leaf:
    """What msgspec reads as a whole."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        if _has_nul(plain):
            faults.append(Fault(pointer, "The NUL character is not allowed in text", "nul-character"))
            return None
        try:
            return codec.convert(plain, self._kind)
        except msgspec.ValidationError as error:
            cause = error.__cause__
            if isinstance(cause, InvalidValue):
                faults += _faults_of(cause, pointer)
            else:
                faults.append(_fault_of(error, pointer))
        return None

    def knows(self, plain: Any) -> bool:
        return True


class _Struct:
    """An object with known fields; `tag` is the field and value that mark it among others, if any do."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        self._kind = kind
        self._frozen = kind.__struct_config__.frozen
        self.tag: tuple[str, Any] | None = None
        if kind.__struct_config__.tag_field is not None:
            self.tag = (kind.__struct_config__.tag_field, kind.__struct_config__.tag)
        # A struct may hold itself: its readers are made when it is known.
        _structs[kind] = self
        self._fields = {
            each.encode_name: (each.name, each.required, _make_reader(each.type))
            for each in msgspec.structs.fields(kind)
        }
        self._nested = {
            written: reader for written, (_, _, reader) in self._fields.items() if not isinstance(reader, _Leaf)
        }

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        if not isinstance(plain, dict):
            faults.append(Fault(pointer, "Expected an object", "wrong-type"))
            return None
        given = cast("dict[str, Any]", plain)
        mine: Faults = []
        values: dict[str, Any] = {}
        for written, (name, required, reader) in self._fields.items():
            if written in given:
                before = len(mine)
                value = reader.read(given[written], f"{pointer}/{escaped(written)}", mine)
                if len(mine) == before:
                    values[name] = value
            elif required:
                mine.append(Fault(f"{pointer}/{escaped(written)}", "This field is required", "required"))
        built = self._build(values, pointer, mine)
        mine += self._unknown(given, pointer)
        faults += mine
        return built

    def knows(self, plain: Any) -> bool:
        if not isinstance(plain, dict):
            return True
        given, tag = cast("dict[str, Any]", plain), self.tag and self.tag[0]
        return given.keys() - {tag} <= self._fields.keys() and all(
            reader.knows(given[written]) for written, reader in self._nested.items() if written in given
        )

    def _unknown(self, given: Mapping[str, Any], pointer: str) -> Faults:
        unknown = sorted(given.keys() - self._fields.keys())
        if self.tag is not None and self.tag[0] in unknown:
            unknown.remove(self.tag[0])
            if given[self.tag[0]] != self.tag[1]:
                return [_bad_tag(given[self.tag[0]], self.tag, pointer)]
        return [
            Fault(f"{pointer}/{escaped(name)}", "There is no such field", "unknown-field")
            for name in unknown[:MOST_FAULTS]
        ]

    def _build(self, values: Mapping[str, Any], pointer: str, faults: Faults) -> Any:
        """The struct. Where fields could not be read it is built without them, to hear what it says of the others.

        A request without a required field says nothing more; a value object (frozen) judges its fields one by one.
        """
        missing = [name for name, required, _ in self._fields.values() if required and name not in values]
        if missing and not self._frozen:
            return None
        try:
            return self._kind(**values, **dict.fromkeys(missing))
        except InvalidValue as error:
            faults += [fault for fault in _faults_of(error, pointer) if not _is_named(fault.pointer, faults)]
        except (TypeError, AttributeError):
            if not missing:
                raise
        return None


class _Items:
    """An array of things of one kind."""

    def __init__(self, kind: Any, lengths: msgspec.Meta | None) -> None:
        self._make = cast("type[Any]", get_origin(kind))
        self._item = _make_reader(get_args(kind)[0])
        self._lengths = _Leaf(Annotated[list[Any], lengths]) if lengths else None
        self._most = lengths.max_length if lengths else None

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        if not isinstance(plain, list):
            return _NO_LIST.read(plain, pointer, faults)
        items = cast("list[Any]", plain)
        before = len(faults)
        read: list[Any] = []
        # Of too many items those beyond the limit are not looked at: that they are there is fault enough.
        for index, value in enumerate(items[: self._most]):
            read.append(self._item.read(value, f"{pointer}/{index}", faults))
            if len(faults) - before >= MOST_FAULTS:
                break
        if self._lengths is not None:
            self._lengths.read([None] * len(items), pointer, faults)
        return None if len(faults) > before else self._make(read)

    def knows(self, plain: Any) -> bool:
        return not isinstance(plain, list) or all(map(self._item.knows, cast("list[Any]", plain)))


class _Mapping:
    """An object whose names are data."""

    def __init__(self, kind: Any, lengths: msgspec.Meta | None) -> None:
        key, value = get_args(kind)
        self._key, self._value = _Leaf(key), _make_reader(value)
        self._lengths = _Leaf(Annotated[dict[str, Any], lengths]) if lengths else None

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        if not isinstance(plain, dict):
            return _NO_DICT.read(plain, pointer, faults)
        given = cast("dict[str, Any]", plain)
        before = len(faults)
        read: dict[Any, Any] = {}
        for name, value in given.items():
            at = f"{pointer}/{escaped(name)}"
            bad = len(faults)
            key = self._key.read(name, at, faults)
            if len(faults) == bad:
                read[key] = self._value.read(value, at, faults)
            if len(faults) - before >= MOST_FAULTS:
                break
        if self._lengths is not None:
            self._lengths.read(dict.fromkeys(given), pointer, faults)
        return None if len(faults) > before else read

    def knows(self, plain: Any) -> bool:
        return not isinstance(plain, dict) or all(map(self._value.knows, cast("dict[str, Any]", plain).values()))


class _Union:
    """One of several. JSON's own type decides which: msgspec takes no two that look alike, but for tagged structs."""

    def __init__(self, kind: Any, options: Sequence[Any]) -> None:
        readers = [(option, _make_reader(option)) for option in options]
        structs = [reader for _, reader in readers if isinstance(reader, _Struct)]
        self._tagged = {reader.tag[1]: reader for reader in structs if reader.tag} if len(structs) > 1 else {}
        self._object = next((reader for _, reader in readers if isinstance(reader, (_Struct, _Mapping))), None)
        self._array = next((reader for _, reader in readers if isinstance(reader, _Items)), None)
        self._other = _Leaf(kind)

    def read(self, plain: Any, pointer: str, faults: Faults) -> Any:
        if isinstance(plain, list) and self._array is not None:
            return self._array.read(plain, pointer, faults)
        if not isinstance(plain, dict) or self._object is None:
            return self._other.read(plain, pointer, faults)
        given = cast("dict[str, Any]", plain)
        chosen = self._choose(given, pointer, faults) if self._tagged else self._object
        return chosen.read(given, pointer, faults) if chosen else None

    def knows(self, plain: Any) -> bool:
        if isinstance(plain, list):
            return self._array is None or self._array.knows(plain)
        if not isinstance(plain, dict) or self._object is None:
            return True
        given = cast("dict[str, Any]", plain)
        chosen = self._choose(given, "", []) if self._tagged else self._object
        return chosen is None or chosen.knows(given)

    def _choose(self, given: Mapping[str, Any], pointer: str, faults: Faults) -> Reader | None:
        tag = next(reader.tag for reader in self._tagged.values() if reader.tag)
        if tag[0] not in given:
            faults.append(Fault(f"{pointer}/{escaped(tag[0])}", "This field is required", "required"))
            return None
        told = given[tag[0]]
        found = self._tagged.get(told) if isinstance(told, type(tag[1])) else None
        if found is None:
            faults.append(_bad_tag(told, tag, pointer))
        return found


_structs: dict[type, _Struct] = {}


def _make_reader(kind: Any, lengths: msgspec.Meta | None = None, whole: Any = None) -> Reader:
    """`whole` is the type with the annotations that were taken off."""
    whole = kind if whole is None else whole
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        metas = [each for each in arguments[1:] if isinstance(each, msgspec.Meta)]
        return _make_reader(arguments[0], metas[-1] if metas else lengths, whole)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if kind.__struct_config__.array_like:
            return _Leaf(whole)
        return _structs.get(kind) or _Struct(kind)
    if origin in (list, set, frozenset) or (origin is tuple and arguments[1:] == (Ellipsis,)):
        return _Items(kind, lengths)
    if origin is dict:
        return _Mapping(kind, lengths)
    if origin in (Union, types.UnionType):
        return _reader_of_union(arguments, whole)
    return _Leaf(whole)


def _reader_of_union(arguments: Sequence[Any], whole: Any) -> Reader:
    options = [each for each in arguments if each not in (type(None), msgspec.UnsetType)]
    return _Union(whole, options)


def _bad_tag(told: Any, tag: tuple[str, Any], pointer: str) -> Fault:
    at = f"{pointer}/{escaped(tag[0])}"
    if not isinstance(told, type(tag[1])):
        return Fault(at, f"Expected `{type(tag[1]).__name__}`", "wrong-type")
    return Fault(at, "This is none of the possible values", "invalid-choice")


def _is_named(pointer: str, faults: Sequence[Fault]) -> bool:
    """Whether this place, something around it or something in it is faulty already."""
    return any(
        f"{fault.pointer}/".startswith(f"{pointer}/") or pointer.startswith(f"{fault.pointer}/") for fault in faults
    )


def _fault_of(error: msgspec.ValidationError, pointer: str) -> Fault:
    detail = _PATH_SUFFIX.sub("", str(error))
    code = next(code for sign, code in _CODES if sign in detail)
    return Fault(pointer, shortened(detail), code)


def _faults_of(error: InvalidValue, pointer: str) -> Faults:
    return [Fault(pointer + fault.pointer, fault.detail, fault.code) for fault in error.faults]


def _has_nul(plain: Any) -> bool:
    if isinstance(plain, str):
        return "\x00" in plain
    if isinstance(plain, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in cast("dict[str, Any]", plain).items())
    return isinstance(plain, list) and any(_has_nul(item) for item in cast("Sequence[Any]", plain))


_NO_LIST, _NO_DICT = _Leaf(list[Any]), _Leaf(dict[str, Any])
