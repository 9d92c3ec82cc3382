"""The socket that clients connect to."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Sequence

import structlog
from promenade_chassis.http.closing import STILL_ASKING_SECONDS, close_door, wait_until

from promenade_gateway.house import ClientLimits, House, Serve
from promenade_gateway.protocol import ClientConnection

log = structlog.get_logger(__name__)

_BACKLOG = 2048
_MANY_FILES = 100_000
_OTHER_FILES = 64  # Redis, logs, metrics, the loop's own


class Listener:
    """Lets clients in until it is closed; then answers those that are inside."""

    def __init__(self, serve: Serve, limits: ClientLimits, stands_for_many: Callable[[str | None], bool]) -> None:
        self._house = House(serve, limits, stands_for_many)
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int, *, shared: bool = False) -> None:
        """Listen, beside other processes where it is `shared`; raises `OSError`."""
        house = self._house
        self._server = await house.loop.create_server(
            lambda: ClientConnection(house), host, port, backlog=_BACKLOG, reuse_port=shared
        )

    async def close(self, seconds: float) -> None:
        """Let nobody in any more; what was asked is answered within so many seconds, then connections are broken."""
        if self._server is not None:
            await close_door(self._server.sockets)
            self._server.close()
        await wait_until(self._all_have_asked, min(STILL_ASKING_SECONDS, seconds))
        self._house.is_draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._all_left()
        except TimeoutError:
            log.warning("http.cut-off", connections=len(self._house.connections))
        for connection in list(self._house.connections):
            connection.abort()

    def _all_have_asked(self) -> bool:
        return all(connection.has_asked for connection in self._house.connections)

    async def _all_left(self) -> None:
        for connection in list(self._house.connections):
            connection.leave()
        await self._house.is_empty.wait()


def reserved(host: str, port: int) -> Sequence[socket.socket]:
    """Sockets that keep a port for processes to share, and take no clients; raises `OSError` when it is busy."""
    kept: list[socket.socket] = []
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:  # one that shares would not notice a stranger
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        keeper = socket.socket(family, kind, protocol)
        kept.append(keeper)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Connections of a gateway that has just ended, and did not share, do not keep the port from the next one; for
        # the binding alone, or a stranger could listen there.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(address)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return kept


def room_for_clients() -> int:
    """How many clients the process has files for: each may need another one, for its connection to a service.

    Raises the process' own limit as far as it may. Who came after the last file would not only be left waiting: the
    services could not be reached for those inside either.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    with contextlib.suppress(OSError, ValueError):  # a sandbox may not allow it
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = files if allowed == resource.RLIM_INFINITY else min(allowed, files)
    return max(1, (found - _OTHER_FILES) // 2)
