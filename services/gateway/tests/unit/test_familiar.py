"""What was read before is read as before, and nothing else is taken for it."""

import tracemalloc
from typing import Any

import pytest
from promenade_gateway.familiar import LONGEST, MOST, ROOM, FamiliarHeads
from promenade_gateway.reader import MAX_HEADERS, Refused, RequestReader
from promenade_gateway.request import Request

REST = b"Host: x\r\nAuthorization: Bearer a.b.c\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n"
ONCE = b"GET /a HTTP/1.1\r\n" + REST


class Listener:
    """Remembers what was read, and whether each was the last."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.last: list[bool] = []
        self.ended = 0

    def request_came(self, request: Request, *, last: bool) -> None:
        self.requests.append(request)
        self.last.append(last)

    def body_came(self, piece: bytes) -> None:
        raise AssertionError(piece)

    def request_ended(self) -> None:
        self.ended += 1


def read(heads: FamiliarHeads, *pieces: bytes) -> Listener:
    listener: Any = Listener()
    reader = RequestReader(listener, head_bytes=10_000, heads=heads)
    for piece in pieces:
        reader.feed(piece)
    return listener


def is_familiar(heads: FamiliarHeads, data: bytes) -> bool:
    return heads.look(data) is not None


def test_a_familiar_head_gives_the_same_request() -> None:
    """On another connection, for another target, sharing what was found out about the headers."""
    heads = FamiliarHeads()
    (first,) = read(heads, ONCE).requests

    found = read(heads, b"GET /b?c=%41 HTTP/1.1\r\n" + REST, ONCE)

    second, third = found.requests
    assert (second.method, second.target, second.version) == ("GET", b"/b?c=%41", "1.1")
    assert second.headers == first.headers
    assert second.headers[1:] == [(b"authorization", b"Bearer a.b.c"), (b"x-two", b"1"), (b"x-two", b"2")]
    assert second.fields == first.fields
    assert second.facts is third.facts is first.facts
    assert (second.body.length, second.body.arrived()) == (0, b"")
    assert (found.last, found.ended) == ([False, False], 2)


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"GET /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nX: " + b"y" * LONGEST + b"\r\n\r\n",
    ],
    ids=["close", "upgrade", "old", "head", "post", "chunked", "two", "more-lines", "long"],
)
def test_only_a_whole_plain_get_is_learned(data: bytes) -> None:
    """Whatever ends a connection, has a body or is more than one is read by the parser each time."""
    heads = FamiliarHeads()

    assert read(heads, data).ended >= 1

    assert not is_familiar(heads, data)


@pytest.mark.parametrize("cut", [1, 12, len(ONCE) - 2])
def test_what_comes_in_pieces_is_not_learned(cut: int) -> None:
    """The pieces are no requests."""
    heads = FamiliarHeads()

    assert read(heads, ONCE[:cut], ONCE[cut:]).ended == 1

    assert not any(is_familiar(heads, each) for each in (ONCE, ONCE[:cut], ONCE[cut:]))


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://y/ HTTP/1.1\r\n",
        b"GET /a#b HTTP/1.1\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n",
        b"GET /a HTTP/1.2\r\n",
        b"GET /a b HTTP/1.1\r\n",
        b"GET /a HTTP/1.1\n",
        b"CONNECT x:443 HTTP/1.1\r\n",
    ],
    ids=repr,
)
def test_another_first_line_is_for_the_parser(line: bytes) -> None:
    """Which refuses what it refused before."""
    heads = FamiliarHeads()
    read(heads, ONCE)

    assert not is_familiar(heads, line + REST)
    with pytest.raises(Refused):
        read(heads, line + REST)


def test_in_the_middle_of_a_message_nothing_is_familiar() -> None:
    """A body may look like a request."""
    heads = FamiliarHeads()
    read(heads, ONCE)
    pieces: list[bytes] = []
    listener: Any = Listener()
    listener.body_came = pieces.append
    reader = RequestReader(listener, head_bytes=10_000, heads=heads)
    reader.feed(b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(ONCE))

    reader.feed(ONCE)

    assert pieces == [ONCE]
    assert [request.method for request in listener.requests] == ["POST"]


def test_behind_the_last_request_nothing_is_familiar() -> None:
    """What follows it was never a request."""
    heads = FamiliarHeads()
    read(heads, ONCE)

    with pytest.raises(Refused):
        read(heads, b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", ONCE)


def test_what_was_not_seen_for_long_is_forgotten() -> None:
    """Two generations are kept; who comes again stays."""
    heads = FamiliarHeads()
    read(heads, ONCE)
    other = [b"GET / HTTP/1.1\r\nHost: %d\r\n\r\n" % number for number in range(4 * MOST)]

    for start in range(0, 2 * MOST, MOST // 2):
        read(heads, *other[start : start + MOST // 2])
        assert is_familiar(heads, ONCE)
    read(heads, *other[2 * MOST :])

    assert not is_familiar(heads, ONCE)
    assert sum(is_familiar(heads, each) for each in other) <= 2 * MOST


def test_heads_of_many_headers_do_not_take_more_room() -> None:
    """A header takes memory however short it is, and whoever wants to can send a hundred of them in each head."""
    heads = FamiliarHeads()
    fill = b"".join(b"X-%d: %d\r\n" % (number, number) for number in range(MAX_HEADERS - 1))
    tracemalloc.start()
    try:
        for number in range(2 * MOST):
            for request in read(heads, b"GET / HTTP/1.1\r\nHost: %d\r\n%b\r\n" % (number, fill)).requests:
                request.facts.passed = bytes(bytearray(fill))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.5 * ROOM < taken < 2.2 * ROOM
