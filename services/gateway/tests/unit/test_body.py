"""A body on its way: counted, kept while small, and honest about how it ended."""

import asyncio

import pytest
from promenade_gateway.body import KEPT_BYTES, WAITING_BYTES, ClientGone, RequestBody
from promenade_gateway.errors import BodyTooLarge, RequestTimeout


class Client:
    """Hears what the body says to its sender."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def invite_body(self) -> None:
        self.heard.append("invited")

    def body_awaited(self) -> None:
        self.heard.append("awaited")

    def hold_body(self) -> None:
        self.heard.append("held")

    def go_on_with_body(self) -> None:
        self.heard.append("on")


def a_body(*pieces: bytes, limit: int = 1000, length: int | None = None, ends: bool = True) -> RequestBody:
    body = RequestBody(length, Client(), limit=limit)
    for piece in pieces:
        body.feed(piece)
    if ends:
        body.finish()
    return body


async def drained(body: RequestBody) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


async def test_pieces_pass_one_by_one() -> None:
    """In order."""
    body = a_body(b"a", b"b")

    assert [piece async for piece in body.pieces()] == [b"a", b"b"]
    assert body.arrived() == b"ab"


async def test_a_small_body_can_be_read_again() -> None:
    """Looked into first, or sent to another replica."""
    body = a_body(b"a", b"b")

    assert await body.whole() == b"ab"
    assert body.can_be_sent_again
    assert await drained(body) == b"ab"
    assert body.arrived() == b"ab"


async def test_a_large_body_is_not_kept() -> None:
    """Memory does not grow with the body."""
    body = a_body(*[b"x" * KEPT_BYTES] * 3, limit=KEPT_BYTES * 3)

    assert body.arrived() is None
    await drained(body)

    assert not body.can_be_sent_again
    assert await drained(body) == b""


async def test_a_body_over_the_limit_ends_there() -> None:
    """What is sent without a length is counted as it comes."""
    body = a_body(b"x" * 600, b"x" * 600)

    with pytest.raises(BodyTooLarge):
        await drained(body)
    assert isinstance(body.failure, BodyTooLarge)


def test_a_body_over_the_limit_is_refused_also_when_it_is_all_there() -> None:
    """The quick way counts too."""
    with pytest.raises(BodyTooLarge):
        a_body(b"x" * 1001).arrived()


async def test_a_length_over_the_limit_is_refused_unread() -> None:
    """Nothing has to be sent to learn that."""
    body = a_body(limit=10, length=11, ends=False)

    with pytest.raises(BodyTooLarge):
        body.check_length()
    with pytest.raises(BodyTooLarge):
        await body.whole()
    assert body._sender.heard == []  # type: ignore[attr-defined]  # a Client
    a_body(limit=10, length=10).check_length()


def test_what_has_not_arrived_is_not_taken_for_whole() -> None:
    """Neither the start of a body nor one of which nothing is there."""
    assert a_body(b"a", ends=False).arrived() is None
    assert a_body(length=5, ends=False).arrived() is None
    assert a_body(length=0, ends=False).arrived() == b""


@pytest.mark.parametrize("failure", [RequestTimeout(), ClientGone()])
async def test_a_client_that_fails_is_told_of_when_its_turn_comes(failure: Exception) -> None:
    """What came before is read first."""
    body = a_body(b"a", ends=False)
    pieces = body.pieces()
    assert await anext(pieces) == b"a"
    rest = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)

    body.fail(failure)

    with pytest.raises(type(failure)):
        await rest
    assert body.failure is failure


async def test_the_client_is_invited_once_it_is_read_and_awaited_when_it_lags() -> None:
    """Its time runs only while somebody waits."""
    body = a_body(b"a", ends=False)
    pieces = body.pieces()

    await anext(pieces)
    before = list(body._sender.heard)  # type: ignore[attr-defined]  # a Client
    rest = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    body.feed(b"b")

    assert await rest == b"b"
    assert before == ["invited"]
    assert body._sender.heard == ["invited", "awaited"]  # type: ignore[attr-defined]  # a Client


async def test_a_slow_service_holds_the_client_up() -> None:
    """Until half of what waits is read."""
    half = b"x" * (WAITING_BYTES // 2)
    body = a_body(half, half, b"x", limit=10 * WAITING_BYTES)
    pieces = body.pieces()

    held = list(body._sender.heard)  # type: ignore[attr-defined]  # a Client
    await anext(pieces)
    still_held = list(body._sender.heard)  # type: ignore[attr-defined]  # a Client
    await anext(pieces)

    assert held == ["held"]
    assert still_held == ["held", "invited"]
    assert body._sender.heard == ["held", "invited", "on"]  # type: ignore[attr-defined]  # a Client
