"""Bytes of a client become requests, however they are cut."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promenade_gateway.reader import Refused, RequestReader
from promenade_gateway.request import Request

LIMIT = 1000


class Listener:
    """Remembers what was read."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.last: list[bool] = []
        self.bodies: list[bytes] = []
        self.ended = 0

    def request_came(self, request: Request, *, last: bool) -> None:
        self.requests.append(request)
        self.last.append(last)
        self.bodies.append(b"")

    def body_came(self, piece: bytes) -> None:
        self.bodies[-1] += piece

    def request_ended(self) -> None:
        self.ended += 1


def read(*pieces: bytes) -> tuple[Listener, RequestReader]:
    listener: Any = Listener()
    reader = RequestReader(listener, head_bytes=LIMIT)
    for piece in pieces:
        reader.feed(piece)
    return listener, reader


STREAM = (
    b"GET /a?b=c&d HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n"
    b"POST /b HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX-Trailer: no\r\n\r\n"
    b"DELETE /d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
)


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=30))
def test_where_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    """Four requests, whole, in order."""
    places = [0, *sorted(cuts), len(STREAM)]

    found, reader = read(*(STREAM[start:end] for start, end in pairwise(places)))

    assert [(each.method, each.target) for each in found.requests] == [
        ("GET", b"/a?b=c&d"),
        ("POST", b"/b"),
        ("POST", b"/c"),
        ("DELETE", b"/d"),
    ]
    assert found.requests[0].headers == [(b"host", b"x"), (b"x-two", b"1"), (b"x-two", b"2")]
    assert [each.body.length for each in found.requests] == [0, 5, None, 0]
    assert found.bodies == [b"", b"hello", b"abcde", b""]
    assert found.last == [False, False, False, True]
    assert found.ended == 4
    assert not reader.in_head


def test_a_request_knows_its_parts() -> None:
    """As the client wrote them, and the path for people."""
    found, _ = read(b"GET /a%20b/c?d=%41?e HTTP/1.1\r\nHost: x\r\n\r\n")

    (request,) = found.requests
    assert (request.raw_path, request.query, request.path) == (b"/a%20b/c", b"d=%41?e", "/a b/c")


@pytest.mark.parametrize(
    "target", [b"http://x/", b"x:443", b"*", b"/a#b", b"/\xc3\xa9", b"/a?\xc3\xa9", b"/a?b#c", b"?a"], ids=repr
)
def test_only_origin_form_without_a_fragment_is_read(target: bytes) -> None:
    """Another reader could take it for another place."""
    with pytest.raises(Refused) as refused:
        read(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert refused.value.refusal.error.status == 400


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"1.2", b"9.9"])
def test_only_two_versions_are_spoken(version: bytes) -> None:
    """The rest is refused."""
    with pytest.raises(Refused):
        read(b"GET / HTTP/" + version + b"\r\nHost: x\r\n\r\n")


def test_an_old_client_sends_one_request() -> None:
    """Its connection ends with the answer."""
    assert read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")[0].last == [True]


@pytest.mark.parametrize("step", [1, 7, 400, 5000])
def test_a_head_that_does_not_end_is_refused(step: int) -> None:
    """As soon as it is larger than a head may be, in whatever pieces it comes."""
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 5000
    reader = read()[1]
    pieces = [head[start : start + step] for start in range(0, len(head), step)]
    enough = (LIMIT - 1) // step
    for piece in pieces[:enough]:
        reader.feed(piece)

    with pytest.raises(Refused) as refused:
        feed_all(reader, pieces[enough : enough + 2])

    assert refused.value.refusal.error.status == 431


def feed_all(reader: RequestReader, pieces: list[bytes]) -> None:
    for piece in pieces:
        reader.feed(piece)


def test_a_large_head_is_refused_also_behind_a_body() -> None:
    """The bytes of the body before it do not count, its own do."""
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000
    good = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 800 + b"\r\n\r\n"
    large = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * LIMIT + b"\r\n\r\n"

    assert read(body + good[:500], good[500:])[0].ended == 2
    assert read(body[:100], body[100:] + good[:500], good[500:])[0].ended == 2
    assert read(good * 5 + good[:500], good[500:])[0].ended == 6
    with pytest.raises(Refused):
        read(body + large)
    with pytest.raises(Refused):
        read(good + large)


def test_too_many_headers_are_refused() -> None:
    """Though they are small."""
    with pytest.raises(Refused) as refused:
        read(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 100 + b"\r\n")
    assert refused.value.refusal.error.status == 431


def test_trailers_without_end_are_refused() -> None:
    """They are dropped, but not read for ever."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with pytest.raises(Refused) as refused:
        read(chunked, *[b"X-Trailer: 123456789\r\n"] * 100)
    assert refused.value.refusal.error.status == 431


def test_another_protocol_is_not_spoken() -> None:
    """The request is answered as HTTP/1.1, as the last one; what follows it is not read."""
    asked = (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n"
    )

    found, reader = read(asked + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")

    assert [each.target for each in found.requests] == [b"/"]
    assert found.last == [True]
    assert found.ended == 1
    assert reader.is_deaf


def test_another_protocol_with_a_body_is_refused() -> None:
    """Where the body ends would be anybody's guess."""
    with pytest.raises(Refused):
        read(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello")
