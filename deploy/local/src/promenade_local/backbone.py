"""The event backbone as one: every context's database and the Redis, asked side by side; who is away is named."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from promenade_chassis.database import Connection
from promenade_chassis.events.redis_link import RedisLink
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from redis.exceptions import RedisError

from promenade_local.errors import StackError
from promenade_local.event_sites import Site, Sites, find_sites
from promenade_local.home import Home

AnswerT = TypeVar("AnswerT")
Question = Callable[[Connection, str], Awaitable[AnswerT]]

_CONNECT_SECONDS = 3
_OPTIONS = "-c timezone=UTC -c statement_timeout=60000"


class Backbone:
    """Asks contexts. Away ones are left out and remembered with the reason, under `redis` the Redis."""

    def __init__(self, sites: Sites) -> None:
        self.away: dict[str, str] = {}
        self.link = None if sites.redis_url is None else RedisLink(sites.redis_url, answers_within=_CONNECT_SECONDS)
        self._sites = {site.context: site for site in sites.contexts}
        self._connections: dict[str, Connection] = {}

    @property
    def contexts(self) -> list[str]:
        """All of them."""
        return list(self._sites)

    async def ask(self, question: Question[AnswerT], *, only: str = "") -> dict[str, AnswerT]:
        """The same question to every context, or to one; the answers of those that are there."""
        if only and only not in self._sites:
            raise StackError(f"no context is called {only!r}; there are {', '.join(self._sites)}")
        asked = [only] if only else self.contexts
        answers = await asyncio.gather(*(self._ask(self._sites[context], question) for context in asked))
        found = {context: answer[0] for context, answer in zip(asked, answers, strict=True) if answer}
        if asked and not found:
            raise StackError("\n".join(self.troubles))
        return found

    async def ask_redis(self, question: Callable[[RedisLink], Awaitable[AnswerT]]) -> AnswerT | None:
        """A question to Redis; None when it is away, or carries no events."""
        if self.link is None:
            return None
        try:
            answer = await question(self.link)
        except (RedisError, OSError) as error:
            self.away["redis"] = _brief(error)
            return None
        self.away.pop("redis", None)
        return answer

    @property
    def troubles(self) -> list[str]:
        """Who is away and why, a line each."""
        return [f"{name} is away: {reason}" for name, reason in self.away.items()]

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._connections.values():
            await connection.close()
        if self.link is not None:
            await self.link.close()

    async def _ask(self, site: Site, question: Question[AnswerT]) -> list[AnswerT]:
        if site.fault:
            self.away[site.context] = site.fault
            return []
        try:
            answer = await question(await self._connection(site), site.context)
        except psycopg.Error as error:
            self.away[site.context] = _brief(error)
            return []
        self.away.pop(site.context, None)
        return [answer]

    async def _connection(self, site: Site) -> Connection:
        known = self._connections.get(site.context)
        if known is not None and not known.closed:
            return known
        made: Connection = await AsyncConnection[DictRow].connect(
            site.database_url,
            autocommit=True,
            row_factory=dict_row,
            application_name="promenade-events",
            connect_timeout=_CONNECT_SECONDS,
            options=_OPTIONS,
        )
        self._connections[site.context] = made
        return made


def _brief(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return first[0] if first else type(error).__name__


@asynccontextmanager
async def open_backbone() -> AsyncGenerator[Backbone]:
    """The backbone of the stack on this home, or of the profile."""
    backbone = Backbone(find_sites(Home.find()))
    try:
        yield backbone
    finally:
        await backbone.close()


def run(work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """Run a command to its end."""
    return asyncio.run(work)
