"""The way to Redis: plain commands, plain answers, no retries behind the caller's back."""

from __future__ import annotations

import hashlib
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, ResponseError

Word = str | bytes | int


class RedisLink:
    """Connections to one Redis, a separate one for each command under way. `redis://` and `rediss://`.

    Commands are those of version 7.2, answers those of RESP2, as they come. `answers_within` bounds the wait for one,
    so that a connection that went dead is noticed.
    """

    def __init__(self, url: str, *, answers_within: float = 5.0) -> None:
        self._client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            protocol=2,
            decode_responses=False,
            socket_connect_timeout=2.0,
            socket_timeout=answers_within,
            retry=Retry(NoBackoff(), 0),
        )
        self._client.response_callbacks.clear()

    async def call(self, *words: Word) -> Any:
        """One command; raises `RedisError` or `OSError`."""
        return await self._client.execute_command(*words)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class Script:
    """A server-side script on one key."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, link: RedisLink, key: str, *arguments: Word) -> Any:
        """Run it; it is sent whole when the server does not have it."""
        try:
            return await link.call("EVALSHA", self._digest, 1, key, *arguments)
        except NoScriptError:
            return await link.call("EVAL", self._source, 1, key, *arguments)


def is_group_missing(error: ResponseError) -> bool:
    """Whether the stream or its group went away, as after FLUSHALL; a blocked reader is told in other words."""
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))
