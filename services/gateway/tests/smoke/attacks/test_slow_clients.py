"""Clients that take their time, or more than their share: they cost little, and nobody else notices."""

import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from attack_rig import CALLBACKS, HOST, PLANS, Door, Service, answers_in, listening, read_chunks, running, until_closed
from promenade_chassis.testing.issuer import Issuer
from promenade_chassis.testing.polling import eventually_blocking, stretched

MIB = 1024 * 1024
GET = b"GET " + PLANS.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = GET[:-2] + b"Connection: close\r\n\r\n"
POST = b"POST " + CALLBACKS.encode() + b" HTTP/1.1\r\n" + HOST
IMPORT = b"POST /api/v1/customer-management/customers/imports HTTP/1.1\r\n" + HOST


class Bulk(Service):
    """Answers `/plans/<n>` with n MiB, `/plans/60k` with 60 KB, and any body with how long it was; keeps neither."""

    stopped = 0  # answers that were not wanted to their end

    def serve(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError, EOFError, ValueError), connection.makefile("rb") as stream:
            while line := stream.readline():
                length = _length_in(stream)
                if length is None:
                    length = len(read_chunks(stream))
                else:
                    for _ in range(length // MIB):
                        stream.read(MIB)
                    stream.read(length % MIB)
                name = line.split(b" ")[1].rpartition(b"/")[2]
                if name == b"60k":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000))
                elif name.isdigit():
                    self._pour(connection, int(name))
                else:
                    content = str(length).encode()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    def _pour(self, connection: socket.socket, mebibytes: int) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (mebibytes * MIB))
        try:
            for _ in range(mebibytes):
                connection.sendall(bytes(MIB))
        except ConnectionError:
            self.stopped += 1
            raise


def _length_in(stream: Any) -> int | None:
    length: int | None = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b": ")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"transfer-encoding":
            length = None
    return length


@pytest.fixture(scope="module")
def bulk() -> Generator[Bulk, None, None]:
    with listening(Bulk()) as service:
        assert isinstance(service, Bulk)
        yield service


@pytest.fixture(scope="module")
def hasty(
    bulk: Bulk, listening_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Door, None, None]:
    """A gateway that has a second's patience."""
    here = [f"http://127.0.0.1:{bulk.port}"]
    patience = {"head_seconds": 1.0, "idle_seconds": 1.0, "keep_alive_seconds": 2.0, "body_bytes_per_second": 100}
    gateway = {"when_redis_is_away": "pass", **patience}
    upstreams = {"billing": here, "customer-management": here}
    keys = f"http://127.0.0.1:{listening_service.port}/.well-known/jwks.json"
    auth = {"issuer": "https://promenade.example.com", "jwks_url": keys}
    with running(tmp_path_factory.mktemp("hasty"), upstreams, gateway=gateway, auth=auth) as door:
        yield door


def memory_of(door: Door) -> int:
    return psutil.Process(door.process.pid).memory_info().rss


@contextmanager
def growing(door: Door) -> Generator[Callable[[], float], None, None]:
    """By how many MiB the gateway's memory has grown at most since the block began."""
    before, most = memory_of(door), [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], memory_of(door))

    watching = threading.Thread(target=watch)
    watching.start()
    yield lambda: (most[0] - before) / MIB
    done.set()
    watching.join()


@pytest.fixture
def growth(hasty: Door) -> Generator[Callable[[], float], None, None]:
    """By how many MiB the hasty gateway's memory has grown at most since the test began."""
    with growing(hasty) as grown:
        yield grown


SLOWLY = [
    ("nothing", b"", b"", None),
    ("line breaks", b"", b"\r\n", None),
    ("a head byte by byte", b"", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100, None),
    ("header by header", b"GET / HTTP/1.1\r\n", b"X: y\r\n", None),
    ("the second head", GET, b"GET / HTTP/1.1\r\nX: " + b"y" * 100, 200),
    ("a body byte by byte", POST + b"Content-Length: 1000\r\n\r\n", b"x", 408),
    ("a chunked body byte by byte", POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 408),
    ("a chunk size without end", POST + b"Transfer-Encoding: chunked\r\n\r\n", b"0", 408),
    ("an extension without end", POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x", 408),
    ("trailers without end", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", 408),
    ("a login", b"POST /api/v1/identity/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n", b"x", 408),
    ("a refused body", b"POST /api/v1/identity/me HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n", b"x", 401),
]


@pytest.fixture(scope="module")
def dripping(hasty: Door) -> Generator[Mapping[str, Future[tuple[bytes, float]]], None, None]:
    """All of them at once: what each was answered, and for how many seconds he was borne."""
    with ThreadPoolExecutor(len(SLOWLY)) as threads:
        yield {name: threads.submit(_let_go, hasty, start, drop) for name, start, drop, _ in SLOWLY}


@pytest.mark.parametrize(("name", "status"), [pytest.param(name, status, id=name) for name, *_, status in SLOWLY])
def test_who_sends_slowly_is_let_go(
    dripping: Mapping[str, Future[tuple[bytes, float]]], name: str, status: int | None
) -> None:
    """Also when something comes every tenth of a second: there is a time for the whole head, and a pace for bodies."""
    content, took = dripping[name].result()

    assert 0.5 < took < stretched(6)
    assert [said.status for said in answers_in(content)] == ([] if status is None else [status])


def _let_go(door: Door, start: bytes, drop: bytes) -> tuple[bytes, float]:
    began = time.monotonic()
    with door.connected(15) as connection:
        content = _dripped(connection, start, drop, until=began + stretched(8))
    return content, time.monotonic() - began


def _dripped(connection: socket.socket, start: bytes, drop: bytes, *, until: float) -> bytes:
    connection.sendall(start)
    connection.settimeout(0.1)
    content, place = b"", 0
    while time.monotonic() < until:
        try:
            if not (piece := connection.recv(65536)):
                break
            content += piece
        except TimeoutError:
            with suppress(ConnectionError):
                whole = drop if len(drop) < 10 else drop[place : place + 1]
                connection.sendall(whole)
                place += 1
        except ConnectionError:
            break
    return content


def test_a_slow_body_above_the_pace_arrives(hasty: Door) -> None:
    """Bad lines are no crime, also when it takes longer than a second altogether."""
    with hasty.connected() as connection:
        connection.sendall(POST + b"Content-Length: 600\r\nConnection: close\r\n\r\n")
        for _ in range(12):
            time.sleep(0.1)
            connection.sendall(b"x" * 50)
        (said,) = answers_in(until_closed(connection))

    assert (said.status, said.body) == (200, b"600")


def test_who_reads_nothing_is_let_go(hasty: Door, bulk: Bulk, growth: Callable[[], float]) -> None:
    """With what he asked for, 200 MiB ten times over; meanwhile it lies nowhere."""
    stopped = bulk.stopped
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(hasty.connected()).sendall(GET.replace(b"plans", b"plans/200"))

        def all_stopped() -> None:
            assert bulk.stopped == stopped + 10

        eventually_blocking(all_stopped, within=15)

    assert growth() < 16


def test_who_asks_on_without_reading_fills_no_memory(hasty: Door, growth: Callable[[], float]) -> None:
    """Asked for a thousand times in one piece, an answer is not begun while the one before is not read."""
    with hasty.connected() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.5)
        with suppress(OSError):
            connection.sendall(GET.replace(b"plans", b"plans/60k") * 1000)
        time.sleep(0.8)

    assert growth() < 16


def test_thousands_of_requests_in_one_piece_are_not_all_taken_in(hasty: Door, growth: Callable[[], float]) -> None:
    """Forty clients with a quarter of a megabyte of requests each."""
    tiny = b"GET / HTTP/1.1\r\nHost:x\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(40):
            connection = stack.enter_context(hasty.connected())
            connection.settimeout(0.05)
            with suppress(OSError):
                connection.sendall(tiny * 9000)
        time.sleep(0.5)

    assert growth() < 24


def test_pipelined_requests_of_all_sizes_are_all_answered(hasty: Door) -> None:
    """However they come and are held up: each once, in order."""
    bodies = [b"x" * size for size in (0, 1, 5000, 70_000, 300, 20_000, 0, 9)] * 5
    posts = [POST + b"Content-Length: %d\r\n\r\n" % len(body) + body for body in bodies]
    said = answers_in(hasty.say(b"".join(posts) + LAST))

    assert [answer.body for answer in said] == [str(len(body)).encode() for body in bodies] + [b"0"]


def test_a_long_download_takes_no_memory(hasty: Door, growth: Callable[[], float]) -> None:
    """1 GiB."""
    left = 1024 * MIB
    buffer = bytearray(MIB)
    with hasty.connected() as connection:
        connection.sendall(GET.replace(b"plans", b"plans/1024"))
        head = connection.recv(65536, socket.MSG_PEEK).partition(b"\r\n\r\n")[0]
        connection.recv(len(head) + 4)
        while left:
            left -= connection.recv_into(buffer)

    assert growth() < 12


@pytest.mark.parametrize(("mebibytes", "status"), [(100, 200), (101, 413)])
def test_a_long_upload_takes_no_memory(
    hasty: Door, service: Service, issuer: Issuer, growth: Callable[[], float], mebibytes: int, status: int
) -> None:
    """100 MiB where that is allowed, and not one more."""
    token = f"Authorization: Bearer {issuer.token()}\r\n".encode()
    with hasty.connected(30) as connection:
        connection.sendall(IMPORT + token + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (mebibytes * MIB))
        with suppress(ConnectionError):
            for _ in range(mebibytes):
                connection.sendall(bytes(MIB))
        (said,) = answers_in(until_closed(connection))

    assert said.status == status
    assert status == 413 or said.body == str(100 * MIB).encode()
    assert growth() < 12


def test_a_stranger_uploads_nothing(hasty: Door, bulk: Bulk, growth: Callable[[], float]) -> None:
    """He is refused before the service hears of it; what he sends on regardless is thrown away."""
    connections = bulk.connections
    with hasty.connected() as connection:
        connection.sendall(IMPORT + b"Content-Length: %d\r\n\r\n" % (100 * MIB))
        with suppress(ConnectionError):
            for _ in range(100):
                connection.sendall(bytes(MIB))
        (said,) = answers_in(until_closed(connection))

    assert said.status == 401
    assert bulk.connections == connections
    assert growth() < 12


def test_thousands_of_idle_connections_disturb_nobody(tmp_path: Path, bulk: Bulk) -> None:
    """2,000 that say nothing, say half, or have been answered; all are gone soon."""
    starts = [b"", b"GET / HT", LAST[:-1], GET]
    # More patience than it takes to open so many on a loaded machine.
    patience = {"head_seconds": stretched(5), "keep_alive_seconds": stretched(5)}
    with (
        running(tmp_path, {"billing": [f"http://127.0.0.1:{bulk.port}"]}, gateway=patience) as door,
        growing(door) as growth,
        ExitStack() as stack,
    ):
        connections = [stack.enter_context(door.connected()) for _ in range(2000)]
        for place, connection in enumerate(connections):
            connection.sendall(starts[place % 4])
        (said,) = answers_in(door.say(LAST))
        open_now = len(psutil.Process(door.process.pid).net_connections())

        def gone() -> None:
            assert len(psutil.Process(door.process.pid).net_connections()) < 20

        eventually_blocking(gone, within=40)
        grown = growth()

    assert said.status == 200
    assert open_now > 1000
    assert grown < 60


LARGE = [
    ("announced", b"Content-Length: %d\r\n\r\n" % (10 * MIB), b"x" * 65_536),
    ("in chunks", b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
]


@pytest.mark.parametrize(("framing", "piece"), [pytest.param(*rest, id=name) for name, *rest in LARGE])
def test_ten_mebibytes_are_refused_early(door: Door, service: Service, framing: bytes, piece: bytes) -> None:
    """After a megabyte at the most, and the service has no whole request."""
    sent = 0
    with door.connected() as connection:
        connection.sendall(POST + framing)
        with suppress(ConnectionError):
            for _ in range(160):
                connection.sendall(piece)
                sent += len(piece)
        (said,) = answers_in(until_closed(connection))

    assert (said.status, said.code) == (413, "body-too-large")
    assert said.headers[b"connection"] == b"close"
    assert not any(request.complete for request in service.heard)


def test_more_connections_than_files_do_not_lock_the_door(tmp_path: Path, bulk: Bulk) -> None:
    """A process that may open 200 files turns away who comes too many, and still reaches its services."""
    with (
        running(tmp_path, {"billing": [f"http://127.0.0.1:{bulk.port}"]}, files=200) as door,
        ExitStack() as stack,
    ):
        inside = stack.enter_context(door.connected())
        crowd = [stack.enter_context(door.connected()) for _ in range(300)]
        inside.sendall(LAST)
        (said,) = answers_in(until_closed(inside))
        (turned_away,) = answers_in(until_closed(crowd[-1]))
        stack.close()

        def let_in() -> None:
            assert answers_in(door.say(LAST))[0].status == 200

        eventually_blocking(let_in)

    assert said.status == 200
    assert (turned_away.status, turned_away.code) == (503, "service-overloaded")
