"""What a page may load: a Content-Security-Policy for each."""

from __future__ import annotations

import base64
import re
from hashlib import sha256

_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; img-src 'self'"

# Everything from here, nothing inline, no eval; Swagger UI's style sheet holds its pictures as data.
OWN_FILES = f"{_NOTHING} data:; script-src 'self'; style-src 'self'; connect-src 'self'"


def inline_only(page: str) -> str:
    """A policy for a page that is complete in itself: exactly its own scripts and styles, by their hashes."""
    found: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        found[kind].append(_source(text))
    parts = [f"{kind}-src {' '.join(sources)}" for kind, sources in found.items() if sources]
    return "; ".join([_NOTHING, *parts])


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"
