"""How a server stops."""

import asyncio
import socket
import threading
from collections import Counter
from typing import Any

import pytest
import uvicorn
from promenade_chassis.http import closing, listener
from promenade_chassis.http.closing import close_door
from promenade_chassis.http.listener import Server
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port

CLIENTS = 12
ASK = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """The smallest application."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def ask_until_closed(port: int, seen: Counter[str], pause: float) -> None:
    """New connections, one after another, each asking after a pause, until there is nobody to connect to."""
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            return
        with connection:
            threading.Event().wait(pause)
            seen[ask(connection)] += 1


def ask(connection: socket.socket) -> str:
    """The status line, or what happened instead of one."""
    try:
        connection.sendall(ASK)
        return connection.recv(65536).partition(b"\r\n")[0].decode() or "nothing"
    except ConnectionError as error:
        return type(error).__name__


async def started(port: int) -> tuple[Server, asyncio.Task[None]]:
    """A listening server."""
    server = Server(uvicorn.Config(hello, port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=90))
    task = asyncio.create_task(server.serve())
    await eventually(lambda: _has_started(server))
    return server, task


def _has_started(server: Server) -> None:
    assert server.started


async def test_whoever_is_connected_but_not_accepted_yet_is_answered() -> None:
    """The kernel takes connections before the process does; closing the door throws none of them out."""
    port = lent_port()
    server, task = await started(port)

    # Nothing is awaited in between: the loop has had no chance to accept them.
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(CLIENTS)]
    task.cancel()
    stopping = asyncio.create_task(server.shutdown())
    answers = await asyncio.gather(*(asyncio.to_thread(ask, connection) for connection in waiting))
    await stopping

    assert Counter(answers) == {"HTTP/1.1 200 OK": CLIENTS}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    for connection in waiting:
        connection.close()


async def test_whoever_is_let_in_is_answered() -> None:
    """Clients that connect while the server stops, and ask a little later, get their answer or are refused."""
    seen: Counter[str] = Counter()
    port = lent_port()
    server, task = await started(port)
    clients = [threading.Thread(target=ask_until_closed, args=(port, seen, 0.3), daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()

    await asyncio.sleep(0.1)
    server.should_exit = True
    await task

    for client in clients:
        await asyncio.to_thread(client.join, 20)
    assert set(seen) == {"HTTP/1.1 200 OK"}


class Sandboxed:
    """A listening socket of a kernel that knows neither filters nor how many wait."""

    family = socket.AF_INET

    def __init__(self, information: bytes | OSError) -> None:
        self._information = information

    def setsockopt(self, *_: Any) -> None:
        raise PermissionError

    def getsockopt(self, *_: Any) -> bytes:
        if isinstance(self._information, OSError):
            raise self._information
        return self._information


@pytest.mark.parametrize("information", [b"", b"\0" * 8, OSError()], ids=["nothing", "too little", "an error"])
async def test_a_kernel_that_tells_nothing_stops_no_stop(
    information: bytes | OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing the door does what can be done and never fails: otherwise nobody in flight would be answered."""
    # Far more than a loaded machine takes for nothing: who waited for it would be seen.
    monkeypatch.setattr(closing, "_QUEUE_SECONDS", 90)

    await asyncio.wait_for(close_door([Sandboxed(information)]), timeout=stretched(10))


async def test_a_client_that_never_asks_does_not_hold_the_server_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects and says nothing is sent away before long."""
    monkeypatch.setattr(listener, "STILL_ASKING_SECONDS", 0.2)
    port = lent_port()
    server, task = await started(port)
    _, writer = await asyncio.open_connection("127.0.0.1", port)

    server.should_exit = True
    await asyncio.wait_for(task, timeout=stretched(20))

    writer.close()
