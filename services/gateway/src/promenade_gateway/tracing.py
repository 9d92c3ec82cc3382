"""Request id and trace context: taken over when well-formed, made otherwise."""

from __future__ import annotations

import random
import re

from promenade_kernel.values.ids import new_event_id

from promenade_gateway.headers import RawHeaders

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_random = random.Random()  # noqa: S311  # trace ids have to differ, not to be secret; seeded by the system


def request_id_from(headers: RawHeaders) -> str:
    """The client's X-Request-Id, or a new one."""
    given = _first(headers, b"x-request-id")
    return given.decode() if given is not None and _REQUEST_ID.fullmatch(given) else str(new_event_id())


def traceparent_from(headers: RawHeaders) -> str:
    """The client's traceparent (W3C), or the start of a new trace."""
    given = _first(headers, b"traceparent")
    if given is not None and _TRACEPARENT.fullmatch(given):
        return given.decode()
    return f"00-{_random.getrandbits(128) or 1:032x}-{_random.getrandbits(64) or 1:016x}-01"


def trace_id_of(traceparent: str) -> str:
    """The id all spans of the trace share."""
    return traceparent.split("-")[1]


def _first(headers: RawHeaders, name: bytes) -> bytes | None:
    for key, value in headers:
        if key == name:
            return value
    return None
