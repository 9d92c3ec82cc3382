"""Answers in JSON as the kernel's codec writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from litestar import Response
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from promenade_kernel.values import codec

Content = TypeVar("Content")


class _Plain(ASGIResponse):
    """Status, headers, body: of all that Litestar's own does nothing else is wanted here."""

    __slots__ = ("_pairs",)

    def __init__(self, status_code: int, headers: dict[str, str], body: bytes) -> None:
        # That of the base makes a mapping for headers, and a third of a short answer's time goes there.
        self.status_code = status_code
        self.body = body
        self._pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        length = b"%d" % len(self.body)
        headers = [*self._pairs, (b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Json(Response[Content]):
    """What routes answer with: written once, by the codec that knows the kernel's values."""

    def to_asgi_response(
        self,
        app: Any,
        request: Any,
        *,
        cookies: Iterable[Cookie] | None = None,
        headers: dict[str, str] | None = None,
        **others: Any,
    ) -> ASGIResponse:
        """See Litestar, which also does this where a route has cookies, work for afterwards or another media type."""
        given = list(cookies or ())
        if given or self.cookies or self.background or self.media_type or others.get("background"):
            litestars: Any = super()
            return litestars.to_asgi_response(app, request, cookies=given, headers=headers, **others)
        status = self.status_code or others["status_code"]
        return _Plain(status, {**(headers or {}), **self.headers}, codec.encode(self.content))
