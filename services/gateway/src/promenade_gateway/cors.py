"""Cross-origin requests of browsers, answered here for all services."""

from __future__ import annotations

from collections.abc import Sequence

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id, traceparent"
EXPOSED = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Idempotent-Replayed"


class Cors:
    """Allows the configured origins; `*` allows all. Tokens travel in a header, so no credentials are allowed."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def headers(self, origin: bytes | None) -> dict[bytes, bytes]:
        """What every answer to this origin carries; nothing for origins that are not allowed."""
        if origin is None or not self._origins:
            return {}
        allowed = "*" in self._origins or origin.decode("latin-1") in self._origins
        return {
            b"vary": b"Origin",
            **({b"access-control-allow-origin": origin} if allowed else {}),
            **({b"access-control-expose-headers": EXPOSED.encode()} if allowed else {}),
        }

    def preflight(self) -> dict[str, str]:
        """What a preflight answer carries besides."""
        return {
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": REQUEST_HEADERS,
            "access-control-max-age": "600",
        }
