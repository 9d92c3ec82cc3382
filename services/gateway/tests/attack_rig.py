"""A gateway process to attack, a service behind it that answers byte for byte as told, and plain sockets."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from promenade_chassis.testing.issuer import Issuer
from promenade_chassis.testing.polling import eventually_blocking, stretched
from promenade_chassis.testing.ports import lent_port

PLANS = "/api/v1/billing/plans"
CALLBACKS = "/api/v1/billing/provider/callbacks/x"  # takes a body and no token
HOST = b"Host: promenade.example.com\r\n"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST
Step = bytes | float


@dataclass
class Heard:
    """One request as it came over the wire; one that was cut off has no end."""

    head: bytes
    body: bytes = b""
    complete: bool = False
    answered: bool = False  # all that is said to it has been

    @property
    def line(self) -> bytes:
        """Method, target and version."""
        return self.head.partition(b"\r\n")[0]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """In their order, names in lower case."""
        lines = [line.partition(b": ") for line in self.head.split(b"\r\n")[1:] if line]
        return [(name.lower(), value) for name, _, value in lines]


@dataclass
class Service:
    """Answers what `told` holds for the last segment of the path, 200 to the rest, and keeps all it heard.

    What it is told to say is a list of bytes to send and seconds to wait; an empty piece of bytes hangs up with RST.
    """

    port: int = 0
    told: dict[str, list[Step]] = field(default_factory=dict)
    early: set[str] = field(default_factory=set)  # answered before the body is read
    heard: list[Heard] = field(default_factory=list)
    rubbish: list[bytes] = field(default_factory=list)  # what was no request
    connections: int = 0

    def serve(self, connection: socket.socket) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is said has arrived
        with connection, suppress(ConnectionError, TimeoutError, EOFError), connection.makefile("rb") as stream:
            while self._answer_one(connection, stream):
                pass

    def _answer_one(self, connection: socket.socket, stream: Any) -> bool:
        head = _read_head(stream)
        if not head:
            return False
        request = Heard(head)
        try:
            key = request.line.split(b" ")[1].partition(b"?")[0].rpartition(b"/")[2].decode()
            if key != "jwks.json":
                self.heard.append(request)
            if key not in self.early:
                request.body = _read_body(stream, dict(request.headers), request.line)
                request.complete = True
        except (ValueError, IndexError):
            self.rubbish.append(head)
            return False
        try:
            return _say(connection, self.told.get(key, [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]))
        finally:
            request.answered = True

    def falls_silent(self) -> None:
        """Wait until it has said all that it is told to say to what it has heard: it lies in the gateway's sockets."""

        def silent() -> None:
            assert all(request.answered for request in self.heard)

        eventually_blocking(silent, every=0.002)


def _say(connection: socket.socket, steps: Iterable[Step]) -> bool:
    """Whether the connection is still good."""
    for step in steps:
        if isinstance(step, float):
            time.sleep(step)
        elif not step:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return False
        else:
            connection.sendall(step)
    return True


def _read_head(stream: Any) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line: bytes = stream.readline()
        if not line.endswith(b"\r\n"):
            return b""
        head += line
    return head


def _read_body(stream: Any, headers: dict[bytes, bytes], line: bytes) -> bytes:
    """As strictly as a body can be read; raises `ValueError` for what has two readings."""
    if len(line.split(b" ")) != 3:
        raise ValueError(line)
    if b"transfer-encoding" not in headers:
        return _exactly(stream, int(headers.get(b"content-length", b"0")))
    if headers[b"transfer-encoding"] != b"chunked" or b"content-length" in headers:
        raise ValueError(headers)
    return read_chunks(stream)


def read_chunks(stream: Any) -> bytes:
    """A body in chunks, without extensions and trailers; raises `ValueError`."""
    body = b""
    while size := int(stream.readline().strip(), 16):
        body += _exactly(stream, size)
        if _exactly(stream, 2) != b"\r\n":
            raise ValueError("a chunk without its end")
    if stream.readline() != b"\r\n":
        raise ValueError("trailers")
    return body


def _exactly(stream: Any, size: int) -> bytes:
    content: bytes = stream.read(size)
    if len(content) < size:
        raise EOFError
    return content


@contextmanager
def listening(service: Service) -> Generator[Service, None, None]:
    """The service on a port of its own, one thread a connection."""
    with socket.create_server(("127.0.0.1", service.port), backlog=1000) as server:
        service.port = server.getsockname()[1]
        threading.Thread(target=_accept, args=(server, service), daemon=True).start()
        yield service
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, service: Service) -> None:
    with suppress(OSError):
        while True:
            connection = server.accept()[0]
            threading.Thread(target=service.serve, args=(connection,), daemon=True).start()


@dataclass
class Door:
    """A running gateway process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @contextmanager
    def connected(self, seconds: float = 10) -> Generator[socket.socket, None, None]:
        """A connection to it; reading gives up after so many seconds."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=stretched(seconds)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection

    def say(self, *pieces: Step, seconds: float = 10) -> bytes:
        """Send bytes as they are and read until the gateway hangs up; a reset ends with what came before it."""
        with self.connected(seconds) as connection:
            with suppress(ConnectionError):
                send(connection, pieces)
            return until_closed(connection)


def send(connection: socket.socket, pieces: Iterable[Step]) -> None:
    """Bytes, and seconds to wait between them."""
    for piece in pieces:
        if isinstance(piece, float):
            time.sleep(piece)
        else:
            connection.sendall(piece)


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the end of the connection; raises TimeoutError where there is none."""
    content = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            content += piece
    return content


@contextmanager
def running(
    folder: Path, upstreams: dict[str, list[str]], *, files: int = 0, **sections: Any
) -> Generator[Door, None, None]:
    """`python -m promenade_gateway serve` with these upstreams; `sections` are merged into its configuration.

    It may open so many `files`, where that is given.
    """
    port = lent_port()
    nobody = {context: ["http://127.0.0.1:1"] for context in ("identity", "customer-management", "order-management")}
    own = {"upstreams": {**nobody, "billing": ["http://127.0.0.1:1"], **upstreams}, **sections.pop("gateway", {})}
    settings = {
        "http": {"host": "127.0.0.1", "port": port},
        "auth": {"issuer": "https://promenade.example.com", "jwks_url": "http://127.0.0.1:1/"},
        "redis": {"url": "redis://127.0.0.1:1/0"},
        "gateway": own,
        **sections,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.yaml").write_bytes(msgspec.yaml.encode(settings))
    environment = {**os.environ, "PROMENADE_PROFILE": "test", "PROMENADE_CONFIG_DIR": str(folder)}
    with (folder / "gateway.log").open("wb") as log:
        command = [sys.executable, "-m", "promenade_gateway", "serve"]
        if files:
            command = ["/bin/sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    door = Door(process, port, folder / "gateway.log")
    try:
        _wait_until_live(door)
        yield door
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait_until_live(door: Door) -> None:
    deadline = time.monotonic() + stretched(120)
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    while True:
        try:
            if door.say(live).startswith(b"HTTP/1.1 200"):
                return
        except OSError:
            pass
        if door.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(door.log.read_text())
        time.sleep(0.02)


@dataclass
class Said:
    """One answer as a client reads it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def code(self) -> str:
        """Of a problem."""
        return str(msgspec.json.decode(self.body)["code"])


class HalfAnswer(Exception):
    """What came ends in the middle of an answer."""


def answers_in(content: bytes) -> list[Said]:
    """Cut into answers, without those that only say that a body may come; raises `HalfAnswer`."""
    found: list[Said] = []
    while content:
        head, end, content = content.partition(b"\r\n\r\n")
        if not end:
            raise HalfAnswer(head)
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        headers = {name.lower(): value for name, _, value in (line.partition(b": ") for line in lines[1:])}
        assert lines[0].startswith(b"HTTP/1.1 "), lines[0]
        assert len(headers) == len(lines) - 1 or b"set-cookie" in headers, lines
        if status == 100:
            continue
        if b"transfer-encoding" in headers:
            body, content = _dechunked(content)
        elif status in (204, 304):
            body = b""
        elif b"content-length" in headers:
            length = int(headers[b"content-length"])
            body, content = content[:length], content[length:]
            if len(body) < length:
                raise HalfAnswer(body)
        else:
            body, content = content, b""
        found.append(Said(status, headers, body))
    return found


def _dechunked(content: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        line, end, content = content.partition(b"\r\n")
        if not end:
            raise HalfAnswer(line)
        size = int(line, 16)
        if len(content) < size + 2:
            raise HalfAnswer(content)
        piece, content = content[:size], content[size + 2 :]
        if not size:
            return body, content
        body += piece


def keys_of(issuer: Issuer) -> list[Step]:
    """What Identity answers where its keys are."""
    content = msgspec.json.encode({"keys": [issuer.jwk()]})
    return [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content]


async def all_at_once(doors: Sequence[Door], request: bytes, times: int) -> tuple[list[Said], float]:
    """So many connections, to the doors in turns; then the same request on all; the answers, and how long it took."""
    connections = [await asyncio.open_connection("127.0.0.1", doors[i % len(doors)].port) for i in range(times)]
    began = time.monotonic()
    for _, writer in connections:
        writer.write(request)
    contents = await asyncio.gather(*(reader.read() for reader, _ in connections))
    took = time.monotonic() - began
    for _, writer in connections:
        writer.close()
    return [answers_in(content)[0] for content in contents], took
