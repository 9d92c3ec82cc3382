"""Request bodies: decoded strictly, all faults collected with JSON pointers.

msgspec stops at the first fault and ignores unknown fields. So a body is parsed to plain data and the collector
walks the struct: it converts leaves with msgspec and descends into structs and sequences itself.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypeVar, Union, cast, get_args, get_origin

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.typing import FieldDefinition
from promenade_kernel.values import codec
from promenade_kernel.values.errors import InvalidValue

from promenade_chassis.ports import BadRequest, Fault, Invalid

T = TypeVar("T")

MAX_DEPTH = 32

_PATH_SUFFIX = re.compile(r" - at `\$[^`]*`$")
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
)


class MalformedJson(BadRequest):
    """The body is not one JSON value in UTF-8, names a field twice, or is nested too deeply."""

    slug = "malformed-json"
    title = "The body is not valid JSON"
    advice = "Send one JSON value in UTF-8, without a byte order mark; `detail` says where reading ended."
    example: ClassVar[Mapping[str, Any]] = {"detail": "JSON is malformed: expected ',' or '}' (byte 17)"}


def decode_body(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`; raises `MalformedJson` (400) or `Invalid` (422) with every fault."""
    try:
        plain = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedJson(str(error)) from error
    except RecursionError as error:
        raise MalformedJson("The JSON is nested too deeply") from error
    _refuse_depth(plain)
    faults: list[Fault] = []
    value = _read(plain, kind, "", faults)
    if faults:
        raise Invalid(faults)
    return cast("T", value)


def _read(plain: Any, kind: Any, pointer: str, faults: list[Fault]) -> Any:
    """The value of `kind` that `plain` stands for; adds to `faults` and answers None where there is none."""
    inner = _alternatives(kind, plain)
    if _is_struct(inner):
        return _read_struct(plain, inner, pointer, faults)
    if get_origin(inner) in (list, tuple) and isinstance(plain, list):
        return _read_sequence(cast("list[Any]", plain), kind, inner, pointer, faults)
    return _read_leaf(plain, kind, pointer, faults)


def _read_struct(plain: Any, kind: type[msgspec.Struct], pointer: str, faults: list[Fault]) -> Any:
    if not isinstance(plain, dict):
        faults.append(Fault(pointer, "Expected an object", "wrong-type"))
        return None
    given = cast("dict[str, Any]", plain)
    mine: list[Fault] = []
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    unknown = sorted(given.keys() - fields.keys())
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in given:
            before = len(mine)
            value = _read(given[name], field.type, f"{pointer}/{name}", mine)
            if len(mine) == before:
                values[field.name] = value
        elif field.required:
            mine.append(Fault(f"{pointer}/{name}", "This field is required", "required"))
    built = _build(kind, values, pointer, mine)
    mine += [Fault(f"{pointer}/{_escape(name)}", "There is no such field", "unknown-field") for name in unknown]
    faults += mine
    return built


def _build(kind: type[msgspec.Struct], values: Mapping[str, Any], pointer: str, faults: list[Fault]) -> Any:
    """The struct. Where fields could not be read it is built without them, to hear what it says of the others.

    A request without a required field says nothing more; a value object (frozen) judges its fields one by one.
    """
    missing = [field.name for field in msgspec.structs.fields(kind) if field.required and field.name not in values]
    if missing and not kind.__struct_config__.frozen:
        return None
    try:
        return kind(**values, **dict.fromkeys(missing))
    except InvalidValue as error:
        faults += [fault for fault in _faults_of(error, pointer) if not _is_named(fault.pointer, faults)]
    except (TypeError, AttributeError):
        if not missing:
            raise
    return None


def _is_named(pointer: str, faults: Sequence[Fault]) -> bool:
    """Whether this place, something around it or something in it is faulty already."""
    return any(
        f"{fault.pointer}/".startswith(f"{pointer}/") or pointer.startswith(f"{fault.pointer}/") for fault in faults
    )


def _read_sequence(plain: list[Any], kind: Any, inner: Any, pointer: str, faults: list[Fault]) -> Any:
    before = len(faults)
    item = get_args(inner)[0]
    read = [_read(value, item, f"{pointer}/{index}", faults) for index, value in enumerate(plain)]
    if len(faults) > before:
        return None
    lengths = _meta_of(kind)
    if lengths is not None:
        _read_leaf([None] * len(plain), Annotated[list[Any], lengths], pointer, faults)
    return tuple(read) if get_origin(inner) is tuple else read


def _read_leaf(plain: Any, kind: Any, pointer: str, faults: list[Fault]) -> Any:
    if _has_nul(plain):
        faults.append(Fault(pointer, "The NUL character is not allowed in text", "nul-character"))
        return None
    try:
        return codec.convert(plain, kind)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidValue):
            faults += _faults_of(cause, pointer)
        else:
            faults.append(_fault_of(error, pointer))
    return None


def _fault_of(error: msgspec.ValidationError, pointer: str) -> Fault:
    detail = _PATH_SUFFIX.sub("", str(error))
    code = next((code for sign, code in _CODES if sign in detail), "invalid")
    return Fault(pointer, detail, code)


def _alternatives(kind: Any, plain: Any) -> Any:
    """The type behind Annotated, Optional and Unset; of several the first that can be walked."""
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0], plain)
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    if plain is None and type(None) in get_args(kind):
        return type(None)
    options = [o for o in get_args(kind) if o not in (type(None), msgspec.UnsetType)]
    return _alternatives(options[0], plain) if len(options) == 1 else kind


def _meta_of(kind: Any) -> msgspec.Meta | None:
    for argument in get_args(kind):
        if isinstance(argument, msgspec.Meta):
            return argument
        found = _meta_of(argument) if get_origin(argument) is Annotated else None
        if found is not None:
            return found
    return None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _faults_of(error: InvalidValue, pointer: str) -> list[Fault]:
    return [Fault(pointer + fault.pointer, fault.detail, fault.code) for fault in error.faults]


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _refuse_depth(plain: Any) -> None:
    """No body of ours is deep; a deep one is meant to exhaust the stack."""
    level = [plain]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise MalformedJson(f"The JSON is nested deeper than {MAX_DEPTH} levels")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _has_nul(plain: Any) -> bool:
    if isinstance(plain, str):
        return "\x00" in plain
    if isinstance(plain, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in cast("dict[str, Any]", plain).items())
    return isinstance(plain, list) and any(_has_nul(item) for item in cast("Sequence[Any]", plain))


class JsonBody(AbstractDTO[T]):
    """Hands every handler's `data` to `decode_body`; set once, on the application."""

    _kinds: ClassVar[dict[str, Any]] = {}

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the struct its handler names."""
        connection = cast("ASGIConnection[Any, Any, Any, Any]", self.asgi_connection)
        return decode_body(value, self._kinds[connection.route_handler.handler_id])

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Remember which struct the handler wants."""
        if field_definition.name == "data":
            cls._kinds[handler_id] = field_definition.annotation

    @classmethod
    def create_openapi_schema(cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any) -> Any:
        """The schema of the struct itself."""
        return schema_creator.for_field_definition(field_definition)

    @classmethod
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:
        """Answers are encoded by Litestar."""
        return False

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Any:
        """Not used: the struct is taken as it is."""
        empty: list[DTOFieldDefinition] = []
        yield from empty

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Not used: the struct is taken as it is."""
        return False
