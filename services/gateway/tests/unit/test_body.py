"""A body on its way: counted, kept while small, and honest about how it ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from promenade_gateway.body import KEPT_BYTES, ClientGone, RequestBody
from promenade_gateway.errors import BodyTooLarge, RequestTimeout


def client_sending(*chunks: bytes | None) -> Callable[[], Awaitable[Any]]:
    """ASGI's receive; None stands for a client that hangs up, the end for one that waits."""
    messages: list[Any] = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": place < len(chunks)}
        for place, chunk in enumerate(chunks, 1)
    ]

    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        return await asyncio.Event().wait()

    return receive


def a_body(*chunks: bytes | None, limit: int = 1000, length: int | None = None, idle: float = 5) -> RequestBody:
    return RequestBody(client_sending(*chunks), limit=limit, length=length, idle_seconds=idle)


async def drained(body: RequestBody) -> bytes:
    return b"".join([chunk async for chunk in body.chunks()])


async def test_chunks_pass_one_by_one() -> None:
    """In order, without the empty ones."""
    body = a_body(b"a", b"", b"b")

    assert [chunk async for chunk in body.chunks()] == [b"a", b"b"]
    assert body.complete.is_set()


async def test_a_small_body_can_be_read_again() -> None:
    """Looked into first, or sent to another replica."""
    body = a_body(b"a", b"b")

    assert await body.whole() == b"ab"
    assert body.can_be_sent_again
    assert await drained(body) == b"ab"


async def test_a_large_body_is_not_kept() -> None:
    """Memory does not grow with the body."""
    body = a_body(*[b"x" * KEPT_BYTES] * 3, limit=KEPT_BYTES * 3)

    await drained(body)

    assert not body.can_be_sent_again
    assert await drained(body) == b""


async def test_a_body_over_the_limit_ends_there() -> None:
    """What is sent without a length is counted as it comes."""
    body = a_body(b"x" * 600, b"x" * 600, limit=1000)

    with pytest.raises(BodyTooLarge):
        await drained(body)
    assert isinstance(body.failure, BodyTooLarge)


async def test_a_length_over_the_limit_is_refused_unread() -> None:
    """Nothing has to be sent to learn that."""
    with pytest.raises(BodyTooLarge):
        a_body(limit=10, length=11).check_length()
    a_body(limit=10, length=10).check_length()


async def test_a_client_that_stalls_runs_out_of_time() -> None:
    """Each piece has its own time."""
    body = a_body(b"a", idle=0.01)
    body._receive = client_sending()

    with pytest.raises(RequestTimeout):
        await drained(body)


async def test_a_client_that_hangs_up_is_gone() -> None:
    """In the middle of its body."""
    body = a_body(b"a", None)

    with pytest.raises(ClientGone):
        await drained(body)
    assert isinstance(body.failure, ClientGone)


async def test_hanging_up_after_the_body_is_noticed() -> None:
    """While the answer is awaited."""
    body = RequestBody(client_sending(None), limit=1, length=0, idle_seconds=1)

    await body.gone()

    assert isinstance(body.failure, ClientGone)
