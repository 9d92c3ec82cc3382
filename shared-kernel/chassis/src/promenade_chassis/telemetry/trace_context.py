"""W3C trace context: the header `traceparent`, read strictly and written plainly."""

from __future__ import annotations

import random
import re

# Version 00; zeros are no ids.
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_NO_ZEROS = 1 << 64 | 1  # a bit of each id
_LONGEST_STATE = 512  # what others have to pass on, by the standard


def traceparent_from(header: bytes | None) -> str | None:
    """The header's text, or None when there is none or it is not well-formed."""
    return header.decode() if header is not None and _TRACEPARENT.fullmatch(header) else None


def tracestate_from(header: bytes | None) -> str | None:
    """The header `tracestate`, unless it is too long to be passed on; it means nothing without a traceparent."""
    return header.decode("latin-1") if header is not None and len(header) <= _LONGEST_STATE else None


def new_traceparent() -> str:
    """The start of a trace, of which whoever records may record his part."""
    # They have to differ, not to be secret. The module's own generator begins anew after a fork; another would not.
    ids = f"{random.getrandbits(192) | _NO_ZEROS:048x}"
    return f"00-{ids[:32]}-{ids[32:]}-01"


def trace_id_of(traceparent: str) -> str:
    """The id that all spans of the trace share, 32 hex digits."""
    return traceparent[3:35]


def span_id_of(traceparent: str) -> str:
    """The id of the span that is named as the parent, 16 hex digits."""
    return traceparent[36:52]
