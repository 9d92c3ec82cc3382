"""Paths in one reading only: what the gateway routes by is what the service will see."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from promenade_gateway.errors import BadPath

# Printable ASCII without the space, and percent-encoded bytes. A bare `%` is refused.
_TARGET = re.compile(rb"/(?:[!-$&-~]|%[0-9A-Fa-f]{2})*")
# Encoded control characters, `/` and `\`; a plain backslash is refused too.
_AMBIGUOUS = re.compile(rb"%(?:[01][0-9A-Fa-f]|7[Ff]|2[Ff]|5[Cc])|\\")


def segments_of(raw_path: bytes) -> tuple[str, ...]:
    """The decoded segments; one trailing slash is no segment. Raises `BadPath`."""
    if not _TARGET.fullmatch(raw_path):
        raise BadPath("The path must start with / and be percent-encoded")
    if _AMBIGUOUS.search(raw_path):
        raise BadPath("The path holds an encoded separator or control character")
    parts = raw_path[1:].split(b"/")
    if parts[-1] == b"":
        parts.pop()
    decoded = tuple(_decode(part) for part in parts)
    if any(segment in ("", ".", "..") for segment in decoded):
        raise BadPath("The path holds an empty or a dot segment")
    return decoded


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise BadPath("The path is not UTF-8") from error
