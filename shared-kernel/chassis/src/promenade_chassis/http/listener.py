"""The HTTP server, and how it stops: nobody who was let in goes without an answer."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from promenade_chassis.http.closing import STILL_ASKING_SECONDS, close_door, wait_until

MOST_HEAD_BYTES = 64 * 1024


class BoundedHeads(HttpToolsProtocol):
    """Cuts off who sends a request's head without end: the parser would keep all of it, and has no limit of its own."""

    _unfinished = 0  # bytes of a head that has begun and not ended
    _in_head = False

    def data_received(self, data: bytes) -> None:
        """See uvicorn; a head that has not ended within `MOST_HEAD_BYTES` is refused."""
        super().data_received(data)
        if not self._in_head:
            return
        self._unfinished += len(data)
        if self._unfinished > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        """See uvicorn."""
        self._in_head, self._unfinished = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """See uvicorn."""
        self._in_head = False
        super().on_headers_complete()


class Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process, and closes its door before it sends anybody away."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        """Several servers share one process."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let nobody in any more, hear who is in already, and only then end what is idle."""
        await close_door([listener for server in self.servers for listener in server.sockets])
        for server in self.servers:
            server.close()
        await wait_until(self._all_have_asked, STILL_ASKING_SECONDS)
        await super().shutdown(sockets)

    def _all_have_asked(self) -> bool:
        return all(getattr(connection, "cycle", self) is not None for connection in self.server_state.connections)
