"""The way to Redis: plain commands, plain answers, no retries behind the caller's back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import ConnectionError, NoScriptError, RedisError, ResponseError  # noqa: A004 - Redis' own

from promenade_chassis.events.redis_cluster import Cluster
from promenade_chassis.events.redis_servers import Master, OneServer, Servers
from promenade_chassis.events.redis_url import read_url
from promenade_chassis.events.redis_wire import RedisWire, Word, pack

__all__ = ["RedisLink", "Script", "Word", "is_group_missing"]


_KINDS = {"server": OneServer, "sentinel": Master, "cluster": Cluster}
_DETOURS = 5


class RedisLink:
    """One connection to one Redis, on which the commands of all callers follow each other. See `read_url` for URLs.

    Commands are those of version 7.2, answers those of RESP2, as they come. `answers_within` bounds the wait for one,
    so that a connection that went dead is noticed. A command that blocks needs a link of its own. What the server
    sends unasked, after SUBSCRIBE, goes to `overhear`.
    """

    def __init__(self, url: str, *, answers_within: float = 5.0, overhear: Callable[[Any], None] | None = None) -> None:
        self.url = url
        self._servers = _servers(url, answers_within, overhear)

    async def call(self, *words: Word, at: Word | None = None) -> Any:
        """One command; raises `RedisError` or `OSError`. One that names no key goes to the server of the key `at`."""
        if at is not None:
            await self.call("EXISTS", at)  # from which a cluster's link learns where that is
        (answer,) = await self._ask([words], at)
        return answer

    async def call_many(self, commands: Sequence[Sequence[Word]]) -> list[Any]:
        """Commands on one key in one write; every one is executed, then the first error among the answers is raised."""
        return await self._ask(commands, None) if commands else []

    async def _ask(self, commands: Sequence[Sequence[Word]], at: Word | None) -> list[Any]:
        packed = b"".join([pack(*words) for words in commands])
        for _ in range(_DETOURS):
            wire = await self._servers.wire(commands[0], at)
            answers = await wire.ask(packed, len(commands))
            error = next((answer for answer in answers if isinstance(answer, RedisError)), None)
            if error is None:
                return answers
            # All are on one key: when the first was for another server, so were the others.
            if not self._servers.refused(error) or error is not answers[0]:
                raise error
        raise ConnectionError("the nodes of the cluster send each other's commands round in circles")

    async def connection(self) -> RedisWire:
        """The connection as it is, for who has to know when it ends; raises `RedisError` or `OSError`."""
        return await self._servers.wire((), None)

    def at_hand(self) -> RedisWire | None:
        """The same where it is open and every command goes there, for who asks often; errors are his to look for."""
        return self._servers.at_hand()

    async def close(self) -> None:
        """Close the connection; whoever calls again opens another."""
        await self._servers.close()


def _servers(url: str, answers_within: float, overhear: Callable[[Any], None] | None) -> Servers:
    read = read_url(url)
    return _KINDS[read.kind](read, answers_within=answers_within, overhear=overhear)


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
