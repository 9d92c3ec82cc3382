"""The way to Redis: plain commands, plain answers, no retries behind the caller's back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import NoScriptError, RedisError, ResponseError

from promenade_chassis.events.redis_servers import Master, OneServer, Servers
from promenade_chassis.events.redis_url import read_url
from promenade_chassis.events.redis_wire import RedisWire, Word, pack

__all__ = ["RedisLink", "Script", "Word", "is_group_missing"]


class RedisLink:
    """One connection to one Redis, on which the commands of all callers follow each other. See `read_url` for URLs.

    Commands are those of version 7.2, answers those of RESP2, as they come. `answers_within` bounds the wait for one,
    so that a connection that went dead is noticed. A command that blocks needs a link of its own. What the server
    sends unasked, after SUBSCRIBE, goes to `overhear`.
    """

    def __init__(self, url: str, *, answers_within: float = 5.0, overhear: Callable[[Any], None] | None = None) -> None:
        self._servers = _servers(url, answers_within, overhear)

    async def call(self, *words: Word, at: Word | None = None) -> Any:
        """One command; raises `RedisError` or `OSError`. One that names no key goes where the key `at` is."""
        wire = await self._servers.wire(words, at)
        (answer,) = await wire.ask(pack(*words))
        if isinstance(answer, RedisError):
            if self._servers.refused(answer):
                return await self.call(*words, at=at)
            raise answer
        return answer

    async def call_many(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """Commands on one key in one write; every one is executed, then the first error among the answers is raised."""
        if not commands:
            return []
        wire = await self._servers.wire(commands[0], None)
        answers = await wire.ask(b"".join([pack(*words) for words in commands]), len(commands))
        for answer in answers:
            if isinstance(answer, RedisError):
                self._servers.refused(answer)
                raise answer
        return answers

    async def connection(self) -> RedisWire:
        """The connection as it is, for who has to know when it ends; raises `RedisError` or `OSError`."""
        return await self._servers.wire((), None)

    async def close(self) -> None:
        """Close the connection; whoever calls again opens another."""
        await self._servers.close()


def _servers(url: str, answers_within: float, overhear: Callable[[Any], None] | None) -> Servers:
    read = read_url(url)
    kind = Master if read.kind == "sentinel" else OneServer
    return kind(read, answers_within=answers_within, overhear=overhear)


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
