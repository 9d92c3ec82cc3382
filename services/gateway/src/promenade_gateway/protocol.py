"""HTTP/1.1 as it may enter: origin-form targets, heads of bounded size that arrive in time, problems for the rest."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from promenade_chassis.http.problems import MEDIA_TYPE, problem_body
from promenade_kernel.values.ids import new_id
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEADERS = 100


class _Refused(Exception):
    """Raised inside the parser's callbacks to stop it."""


class DoorProtocol(HttpToolsProtocol):
    """Adds to uvicorn's protocol what it does not check. A subclass sets the limits (`protocol_with`)."""

    head_bytes = 64 * 1024
    head_seconds = 10.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._counted = 0
        self._refusal = (400, "malformed-request", "The request is not well-formed HTTP")
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that sends nothing is closed as one that sends too slowly."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that does not end."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._counted += len(data)
            if self._counted > self.head_bytes:
                self._refusal = (431, "head-too-large", "The request line and headers are too large")
                self.send_400_response("")

    def on_message_begin(self) -> None:
        """A new head."""
        super().on_message_begin()
        self._in_head, self._counted = True, 0
        if self._head_timer is None:
            self._start_timer()
        # What a response that fails half-way needs, and ASGI has no word for.
        self.scope["extensions"] = {"promenade.abort": self.transport.abort}  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        """The whole head is there: check it before uvicorn drops the parts it has no use for."""
        self._in_head = False
        self._stop_timer()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.head_bytes or len(self.headers) > MAX_HEADERS:
            self._refusal = (431, "head-too-large", "The request line and headers are too large")
            raise _Refused
        if not self.url.startswith(b"/"):  # absolute-form, authority-form, asterisk-form
            raise _Refused
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """The answer to what is not a request; nothing may come between an answer that has begun and its end."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
            # The head was good, the body is not: what the application still says does not count.
            cycle.disconnected = True
            cycle.message_event.set()
        status, slug, title = self._refusal
        request_id = str(new_id())
        body = problem_body(status=status, slug=slug, title=title, detail=title, instance="", request_id=request_id)
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {'Bad Request' if status == 400 else 'Request Header Fields Too Large'}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(content)}\r\n"
            f"x-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self.transport.abort()


def protocol_with(*, head_bytes: int, head_seconds: float) -> type[asyncio.Protocol]:
    """The protocol with these limits."""
    return type("ConfiguredProtocol", (DoorProtocol,), {"head_bytes": head_bytes, "head_seconds": head_seconds})
