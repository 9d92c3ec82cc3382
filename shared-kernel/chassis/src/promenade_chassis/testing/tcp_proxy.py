"""A way to a server that a test can cut: connections hang and nothing is reset, or they end as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST


class TcpProxy:
    """Forwards 127.0.0.1:`port` to a server.

    While cut, neither side learns anything: what is sent waits, new connections are accepted by the kernel and hear
    nothing, as over a network that drops every packet and sends it again later.
    """

    def __init__(self, server_port: int) -> None:
        self.server_port = server_port
        self.port = 0
        self._passing = asyncio.Event()
        self._passing.set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._servers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, direct: str) -> str:
        """The URL of the server, through here."""
        return direct.replace(f":{self.server_port}", f":{self.port}")

    def cut(self) -> None:
        """From now on nothing passes."""
        self._passing.clear()

    def heal(self) -> None:
        """What waited arrives."""
        self._passing.set()

    def forget_clients(self) -> None:
        """The server's side of every connection ends; the clients hear of it when the cut is healed."""
        _close(self._servers)

    def reset(self) -> None:
        """End every connection with RST, both sides."""
        _reset(self._clients)
        _reset(self._servers)

    def half_close(self) -> None:
        """The clients read an end; what they send still reaches the server."""
        for client in self._clients:
            with contextlib.suppress(OSError, RuntimeError):
                client.write_eof()

    async def serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """One connection, until either side has ended it."""
        await self._passing.wait()
        try:
            server_reader, server = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            client.close()
            return
        self._clients.add(client)
        self._servers.add(server)
        try:
            await asyncio.gather(self._pump(client_reader, server), self._pump(server_reader, client))
        finally:
            self._clients.discard(client)
            self._servers.discard(server)
            client.close()
            server.close()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while data := await source.read(_CHUNK):
                await self._passing.wait()
                target.write(data)
                await target.drain()
        await self._passing.wait()
        target.close()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Called for each new connection."""
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(server_port: int) -> AsyncGenerator[TcpProxy, None]:
    """A proxy for the length of a with block."""
    proxy = TcpProxy(server_port)
    listening = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.end()


def _close(writers: set[asyncio.StreamWriter]) -> None:
    for writer in list(writers):
        writer.close()


def _reset(writers: set[asyncio.StreamWriter]) -> None:
    for writer in list(writers):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
