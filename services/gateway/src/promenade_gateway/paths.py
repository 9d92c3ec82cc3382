"""Paths in one reading only: what the gateway routes by is what the service will see."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from promenade_gateway.errors import BadPath

# Printable ASCII without the space, and percent-encoded bytes. A bare `%` is refused.
_TARGET = re.compile(rb"/[!-$&-~]*(?:%[0-9A-Fa-f]{2}[!-$&-~]*)*")
# Encoded control characters, `/` and `\`; a plain backslash is refused too.
_AMBIGUOUS = re.compile(rb"%(?:[01][0-9A-Fa-f]|7[Ff]|2[Ff]|5[Cc])|\\")
_NO_SEGMENTS = frozenset({"", ".", ".."})


def segments_of(raw_path: bytes) -> tuple[str, ...]:
    """The decoded segments; one trailing slash is no segment. Raises `BadPath`."""
    if not _TARGET.fullmatch(raw_path):
        raise BadPath("The path must start with / and be percent-encoded")
    if b"%" not in raw_path and b"\\" not in raw_path:
        decoded = raw_path[1:].decode().split("/")
    elif _AMBIGUOUS.search(raw_path):
        raise BadPath("The path holds an encoded separator or control character")
    else:
        decoded = [_decode(part) for part in raw_path[1:].split(b"/")]
    if decoded[-1] == "":
        decoded.pop()
    if not _NO_SEGMENTS.isdisjoint(decoded):
        raise BadPath("The path holds an empty or a dot segment")
    return tuple(decoded)


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise BadPath("The path is not UTF-8") from error
