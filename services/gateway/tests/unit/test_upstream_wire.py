"""A service's answers, however they come and however they end."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_gateway.upstream_wire import WAITING_BYTES, BrokenOff, Dropped, Reply, UpstreamWire


class Transport:
    def __init__(self) -> None:
        self.sent = b""
        self.aborted = False
        self.paused = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


def connected() -> tuple[UpstreamWire, Transport]:
    wire = UpstreamWire(asyncio.get_running_loop(), lambda lost: None)
    transport: Any = Transport()
    wire.connection_made(transport)
    return wire, transport


async def asked(*pieces: bytes, is_head: bool = False, then_closed: bool = False) -> tuple[Reply, UpstreamWire]:
    wire, _ = connected()
    head = wire.ask(b"GET / HTTP/1.1\r\n\r\n", is_head=is_head)
    for piece in pieces:
        wire.data_received(piece)
    if then_closed:
        wire.connection_lost(None)
    return await head, wire


async def whole(reply: Reply) -> bytes:
    pieces = []
    while piece := await reply.more(5):
        pieces.append(piece)
    return b"".join(pieces)


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: 1\r\n\r\nhello world", b"hello world", True),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: 1\r\n\r\n",
        b"hello world",
        True,
    ),
    (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", True),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", b"", True),
    (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", b"ok", False),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
]


@pytest.mark.parametrize(("answer", "body", "again"), ANSWERS)
def test_where_an_answer_is_cut_makes_no_difference(answer: bytes, body: bytes, again: bool) -> None:
    """Each framing, byte by byte or in any other pieces; then the connection can be used again, or not."""

    @given(st.lists(st.integers(min_value=0, max_value=len(answer)), max_size=20))
    def check(cuts: list[int]) -> None:
        places = [0, *sorted(cuts), len(answer)]
        pieces = [answer[start:end] for start, end in pairwise(places)]
        asyncio.run(_read_whole(pieces, body, again=again))

    check()


async def _read_whole(pieces: list[bytes], body: bytes, *, again: bool) -> None:
    reply, wire = await asked(*(piece for piece in pieces if piece))

    assert await whole(reply) == body
    assert reply.status in (200, 204, 304)
    assert all(name in (b"x", b"content-length", b"transfer-encoding", b"connection") for name, _ in reply.headers)
    wire.release()
    assert wire.is_idle is wire.is_open is again


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nX: 1\r\n\r\n"])
async def test_without_a_length_the_end_of_the_connection_is_the_end(head: bytes) -> None:
    """And of nothing else."""
    reply, wire = await asked(head, b"hello", b" world", then_closed=True)

    assert await whole(reply) == b"hello world"
    wire.release()
    assert not wire.is_open


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
    ],
)
async def test_an_answer_that_breaks_off_says_so(start: bytes) -> None:
    """After what has come of it."""
    reply, _ = await asked(start, then_closed=True)

    assert await reply.more(5) == b"four"
    with pytest.raises(BrokenOff):
        await reply.more(5)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nfour",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 40_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 201 + b"\r\n",
        b"",
    ],
    ids=lambda text: repr(text[:40]),
)
async def test_what_is_no_answer_drops_the_connection(nonsense: bytes) -> None:
    """Nobody waits for the rest of it."""
    wire, transport = connected()
    head = wire.ask(b"x", is_head=False)

    wire.data_received(nonsense) if nonsense else wire.connection_lost(None)

    with pytest.raises(Dropped):
        await head
    assert transport.aborted
    assert not wire.is_open


async def test_a_large_body_does_not_make_a_head_too_large() -> None:
    """Though both come in one piece."""
    reply, _ = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)

    assert len(await whole(reply)) == 100_000


async def test_head_has_no_body() -> None:
    """And its connection can be used again, also where the length says otherwise."""
    reply, wire = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", is_head=True)
    assert reply.is_complete
    wire.release()

    head = wire.ask(b"GET / HTTP/1.1\r\n\r\n", is_head=False)
    wire.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert await whole(await head) == b"ok"


@pytest.mark.parametrize(
    "surplus", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"H", b"HTTP/1.1 200 OK\r\nX-Poison: "]
)
async def test_more_than_one_answer_is_not_kept_for_the_next_request(surplus: bytes) -> None:
    """Whoever asks next would get what was not meant for him."""
    together, wire = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + surplus)
    wire.release()
    later, other = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    other.release()
    other.data_received(surplus)

    assert together.status == later.status == 200
    assert not wire.is_open
    assert not other.is_open


async def test_a_head_with_a_body_is_not_kept_either() -> None:
    """Its body would be read as the next answer."""
    _, wire = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", is_head=True)

    wire.release()

    assert not wire.is_open


async def test_an_answer_not_read_to_its_end_ends_the_connection() -> None:
    """What is left of it stands before the next one."""
    reply, wire = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfo")
    assert reply.take() == b"fo"

    wire.release()

    assert not wire.is_open


async def test_a_slow_reader_slows_the_service_down() -> None:
    """No more than so much is held."""
    wire, transport = connected()
    head = wire.ask(b"x", is_head=False)
    wire.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    wire.data_received(b"x" * WAITING_BYTES)
    assert not transport.paused

    wire.data_received(b"x")
    paused = transport.paused
    taken = (await head).take()

    assert paused
    assert len(taken) == WAITING_BYTES + 1
    assert not transport.paused


async def test_no_answer_in_time_is_a_timeout() -> None:
    """And one that stops is broken off."""
    wire, _ = connected()
    head = wire.ask(b"x", is_head=False)
    wire.sent(0.01)
    with pytest.raises(TimeoutError):
        await head

    reply, _ = await asked(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    with pytest.raises(BrokenOff):
        await reply.more(0.01)


async def test_a_dead_connection_tells_who_writes() -> None:
    """A body that nobody reads is not sent on and on."""
    wire, _ = connected()
    head = wire.ask(b"x", is_head=False)
    wire.pause_writing()
    writing = asyncio.ensure_future(wire.drain(5))
    await asyncio.sleep(0)

    wire.connection_lost(ConnectionResetError())

    with pytest.raises(Dropped):
        await writing
    with pytest.raises(Dropped):
        await head
