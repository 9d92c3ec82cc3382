"""Answers in the framing that fits, and none that could be taken for more or less than it is."""

import pytest
from promenade_gateway.answer import Answer


class Wire:
    def __init__(self) -> None:
        self.sent = b""
        self.writes = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.sent += data
        self.writes += 1

    def abort(self) -> None:
        self.aborted = True

    async def drain(self) -> None:
        pass


def an_answer(**named: bool) -> tuple[Answer, Wire]:
    wire = Wire()
    return Answer(wire, **{"head_only": False, "modern": True, "closing": False, **named}), wire


def parts(wire: Wire) -> tuple[list[bytes], bytes]:
    head, _, body = wire.sent.partition(b"\r\n\r\n")
    return [line for line in head.split(b"\r\n") if not line.startswith(b"date: ")], body


def test_a_length_is_kept() -> None:
    """Head and body leave in one piece."""
    answer, wire = an_answer()

    answer.begin(200, [(b"content-length", b"5"), (b"x", b"1")])
    answer.end(b"hello")

    assert parts(wire) == ([b"HTTP/1.1 200 OK", b"content-length: 5", b"x: 1"], b"hello")
    assert b"\r\ndate: " in wire.sent
    assert wire.writes == 1
    assert answer.finished
    assert not answer.closing


def test_without_a_length_the_body_goes_in_chunks() -> None:
    """Empty pieces do not end it."""
    answer, wire = an_answer()

    answer.begin(200, [])
    answer.write(b"hello")
    answer.write(b"")
    answer.end(b"x" * 16)

    head, body = parts(wire)
    assert b"transfer-encoding: chunked" in head
    assert body == b"5\r\nhello\r\n10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n"


def test_an_old_client_reads_to_the_end_of_the_connection() -> None:
    """It knows no chunks."""
    answer, wire = an_answer(modern=False)

    answer.begin(200, [])
    answer.end(b"hello")

    assert parts(wire) == ([b"HTTP/1.1 200 OK", b"connection: close"], b"hello")
    assert answer.closing


@pytest.mark.parametrize(("status", "head_only"), [(200, True), (204, False), (304, False)])
def test_what_has_no_body_gets_none(status: int, head_only: bool) -> None:
    """Whatever is written."""
    answer, wire = an_answer(head_only=head_only)

    answer.begin(status, [(b"content-length", b"7")] if head_only else [])
    answer.write(b"hello")
    answer.end(b"w")

    assert parts(wire)[1] == b""
    assert (b"content-length: 7" in parts(wire)[0]) is head_only
    assert not wire.aborted


@pytest.mark.parametrize("body", [b"", b"four"])
def test_half_an_answer_breaks_the_connection(body: bytes) -> None:
    """The client was told of five bytes."""
    answer, wire = an_answer()
    answer.begin(200, [(b"content-length", b"5")])
    answer.flush()

    answer.end(body)

    assert wire.aborted


def test_more_than_was_announced_is_not_sent() -> None:
    """The rest would be read as another answer."""
    answer, _ = an_answer()
    answer.begin(200, [(b"content-length", b"5")])

    with pytest.raises(ValueError, match="longer"):
        answer.write(b"hello!")


def test_the_end_of_a_connection_is_announced_once() -> None:
    """Whoever decided it."""
    for closing, given in ((True, []), (False, [(b"connection", b"close")]), (True, [(b"connection", b"close")])):
        answer, wire = an_answer(closing=closing)
        answer.begin(200, [*given, (b"content-length", b"0")])
        answer.end()

        assert wire.sent.count(b"connection: close") == 1
        assert answer.closing


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b=1", b"a\nb", b"\r\n\r\nHTTP/1.1 200 OK"])
def test_no_header_becomes_two(value: bytes) -> None:
    """Nothing is sent."""
    answer, wire = an_answer()

    with pytest.raises(ValueError, match="line break"):
        answer.begin(200, [(b"x", value)])

    assert wire.sent == b""
    assert not answer.started


@pytest.mark.parametrize(("status", "line"), [(404, b"HTTP/1.1 404 Not Found"), (299, b"HTTP/1.1 299 ")])
def test_every_status_has_a_line(status: int, line: bytes) -> None:
    """Also one that has no name."""
    answer, wire = an_answer()

    answer.begin(status, [(b"content-length", b"0")])
    answer.end()

    assert parts(wire)[0][0] == line


def test_the_head_can_go_first() -> None:
    """A body that is made slowly does not hold it back."""
    answer, wire = an_answer()

    answer.begin(200, [])
    assert wire.sent == b""
    answer.flush()

    assert wire.sent.endswith(b"\r\n\r\n")
