"""Request bodies: JSON of one reading only, decoded strictly, all faults collected with JSON pointers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, TypeVar, cast

import msgspec
from litestar.connection import ASGIConnection
from litestar.dto import AbstractDTO, DTOFieldDefinition
from litestar.typing import FieldDefinition
from promenade_kernel.values import codec

from promenade_chassis.http.readers import MOST_FAULTS, Faults, reader_of, shortened
from promenade_chassis.ports import BadRequest, Invalid

T = TypeVar("T")

MAX_DEPTH = 32
_NUL = b"\\u0000"  # as JSON writes it; as it is no JSON has it

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class MalformedJson(BadRequest):
    """The body is not one JSON value in UTF-8, names a field twice, or is nested too deeply."""

    slug = "malformed-json"
    title = "The body is not valid JSON"
    advice = "Send one JSON value in UTF-8, without a byte order mark; `detail` says where reading ended."
    example: ClassVar[Mapping[str, Any]] = {"detail": "JSON is malformed: expected ',' or '}' (byte 17)"}


def decode_body(body: bytes, kind: type[T]) -> T:
    """Decode a body into `kind`; raises `MalformedJson` (400) or `Invalid` (422) with its faults, up to 100 of them."""
    try:
        plain = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedJson(str(error)) from error
    except RecursionError as error:
        raise MalformedJson("The JSON is nested too deeply") from error
    _refuse_duplicates(body, fields=_count_fields(plain))
    reader = reader_of(kind)
    # Most bodies are good, and of a good one msgspec says the same in a tenth of the time.
    if _NUL not in body and reader.knows(plain):
        with suppress(msgspec.ValidationError):
            return codec.convert(plain, kind)
    faults: Faults = []
    value = reader.read(plain, "", faults)
    if faults:
        more = f"The first {MOST_FAULTS} faults are named" if len(faults) > MOST_FAULTS else None
        raise Invalid(faults[:MOST_FAULTS], more)
    return cast("T", value)


def _count_fields(plain: Any) -> int:
    """How many fields all its objects have together. No body of ours is deep; a deep one is meant to exhaust us."""
    fields, level = 0, [plain]
    for _ in range(MAX_DEPTH):
        fields += sum(len(cast("dict[str, Any]", value)) for value in level if isinstance(value, dict))
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return fields
    raise MalformedJson(f"The JSON is nested deeper than {MAX_DEPTH} levels")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _refuse_duplicates(body: bytes, *, fields: int) -> None:
    """A name given twice has two readings: the parser keeps the last, others the first.

    Each field that was written has its colon; texts may hold more of them.
    """
    if body.count(b":") == fields or _STRING.sub(b"", body).count(b":") == fields:
        return
    # Numbers stay texts: Python refuses to read very long ones.
    json.loads(body, object_pairs_hook=_refuse_twice, parse_int=str, parse_float=str)
    raise MalformedJson("An object names a field twice")


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise MalformedJson(f"An object names the field {json.dumps(shortened(name))} twice")
        seen[name] = value
    return seen


class JsonBody(AbstractDTO[T]):
    """Hands every handler's `data` to `decode_body`; set once, on the application."""

    _kinds: ClassVar[dict[str, Any]] = {}

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the struct its handler names."""
        connection = cast("ASGIConnection[Any, Any, Any, Any]", self.asgi_connection)
        return decode_body(value, self._kind_of(connection.route_handler))

    @classmethod
    def _kind_of(cls, handler: Any) -> Any:
        # Litestar makes the id of a handler anew each time, from its name and module.
        kind = handler.opt.get("body")
        if kind is None:
            kind = handler.opt["body"] = cls._kinds[handler.handler_id]
        return kind

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
