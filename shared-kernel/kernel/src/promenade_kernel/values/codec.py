"""JSON and plain data to typed values and back. Strict: a boolean is no integer, a float is no amount.

Wrong data raises `msgspec.ValidationError` (its `__cause__` is the `InvalidValue`, if a value refused it); text that is
no JSON raises `msgspec.DecodeError`.
"""

from typing import Any, TypeVar

import msgspec

from promenade_kernel.values.text import TextValue

T = TypeVar("T")


def enc_hook(value: object) -> Any:
    """Show msgspec how a text value is written: as its text."""
    if isinstance(value, TextValue):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def dec_hook(wanted: type, plain: Any) -> Any:
    """Show msgspec how a text value is read: through its own checks, which refuse what is no text."""
    if not issubclass(wanted, TextValue):
        raise NotImplementedError(f"{wanted.__name__} cannot be read from JSON")
    return wanted(plain)


def schema_hook(wanted: type) -> dict[str, Any]:
    """Show msgspec the JSON schema of a text value."""
    if issubclass(wanted, TextValue):
        return dict(wanted.json_schema)
    raise NotImplementedError(f"{wanted.__name__} has no JSON schema")


_encoder = msgspec.json.Encoder(enc_hook=enc_hook)


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _make_decoder(wanted: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _decoders[wanted] = msgspec.json.Decoder(wanted, dec_hook=dec_hook)
    return decoder


def encode(value: object) -> bytes:
    """Write a value as JSON."""
    return _encoder.encode(value)


def decode(data: bytes | str | msgspec.Raw, wanted: type[T]) -> T:
    """Read JSON as `wanted`."""
    try:
        return (_decoders.get(wanted) or _make_decoder(wanted)).decode(data)
    except UnicodeDecodeError:
        raise msgspec.DecodeError("JSON is malformed: not UTF-8") from None
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deeply") from None


def to_plain(value: object) -> Any:
    """Turn a value into dicts, lists, strings and numbers, exactly as its JSON reads."""
    # to_builtins would leave tuples as tuples.
    return msgspec.json.decode(_encoder.encode(value))


def convert(plain: object, wanted: type[T]) -> T:
    """Turn dicts, lists, strings and numbers into `wanted`."""
    return msgspec.convert(plain, wanted, dec_hook=dec_hook)
