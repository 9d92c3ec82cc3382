"""Unchanging content: sent as it is or compressed, and not sent again to whoever has it."""

from __future__ import annotations

import asyncio
import gzip
import re
from hashlib import sha256
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

FOREVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"  # kept, but compared by ETag before each use

AnyRequest = Request[Any, Any, State]

_NEVER = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")
_SMALL = 1024  # bytes that are not worth compressing


class Content:
    """One document in memory; text is UTF-8, which Litestar adds. `headers` go out with every answer, also with 304."""

    def __init__(self, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> None:
        self.body = body
        self.media_type = media_type
        self.digest = sha256(body).hexdigest()
        self._headers = headers or {}
        self._compressed: bytes | None = None

    async def answer(self, request: AnyRequest, cache: str = ASK_FIRST) -> Response[bytes]:
        """The whole, the whole compressed, or 304."""
        compress = len(self.body) >= _SMALL and takes_gzip(request.headers.get("accept-encoding", ""))
        tag = f'"{self.digest[:32]}{"-gzip" if compress else ""}"'
        headers = {**self._headers, "ETag": tag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers, media_type=self.media_type)
        if not compress:
            return Response(self.body, headers=headers, media_type=self.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(await self._gzip(), headers=headers, media_type=self.media_type)

    async def _gzip(self) -> bytes:
        if self._compressed is None:
            # The largest takes a tenth of a second, which no other request shall wait for.
            self._compressed = await asyncio.to_thread(gzip.compress, self.body, 6, mtime=0)
        return self._compressed


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding allows gzip."""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return not _NEVER.fullmatch(weight)
    return False
