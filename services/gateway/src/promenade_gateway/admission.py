"""The one question to Redis that each request asks: is the token still good, and is it this caller's turn?"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from promenade_chassis.auth import AccessToken
from promenade_chassis.events.redis_link import RedisLink, Word
from promenade_chassis.events.redis_url import read_url
from redis.exceptions import ConnectionError, NoScriptError  # noqa: A004 - Redis' own
from redis.exceptions import TimeoutError as LateAnswer

from promenade_gateway.limits import Bucket
from promenade_gateway.meters import REDIS_ROUND_TRIPS
from promenade_gateway.token_bucket import SCRIPT, Draw, read_draws, script_arguments

_SCRIPT_HASH = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()  # Redis names scripts by it

# Redis does nothing else while it serves a batch: some 5 microseconds a request.
MOST_AT_ONCE = 200
MARK = "{auth}:mark"


class RedisAway(Exception):
    """Redis gave no answer: neither revocation nor limits are known."""


class Standing(Enum):
    """What Redis knows about a token. `UNKNOWN`: the revocations are not (all) there, so nothing can be said."""

    GOOD = "good"
    REVOKED = "revoked"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Verdict:
    """The answer for one request; `standing` is GOOD where there is no token."""

    standing: Standing
    draw: Draw


class Admission(Protocol):
    """The port: `RedisAdmission`, or a fake in tests."""

    async def ask(self, token: AccessToken | None, buckets: Sequence[Bucket]) -> Verdict:
        """Draw from all buckets and look the token up; raises `RedisAway`."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


@dataclass(slots=True, eq=False)
class _Question:
    token: AccessToken | None
    buckets: Sequence[Bucket]
    answer: asyncio.Future[Verdict]


class RedisAdmission:
    """Asks Redis for many requests at once: those that come while an answer is awaited travel together after it.

    Revocations and buckets are two keys' worth of a cluster, so a batch is two commands; one write where they live
    on one server. `seconds` bound the wait for an answer; nothing that Redis did not say lets anybody in.
    """

    def __init__(self, url: str, *, seconds: float) -> None:
        self._link = RedisLink(url, answers_within=seconds)
        self._is_cluster = read_url(url).kind == "cluster"
        self._seconds = 2 * seconds  # connecting included
        self._waiting: deque[_Question] = deque()
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, token: AccessToken | None, buckets: Sequence[Bucket]) -> Verdict:
        """Draw from all buckets and look the token up; raises `RedisAway`."""
        loop = asyncio.get_running_loop()
        question = _Question(token, buckets, loop.create_future())
        self._waiting.append(question)
        if self._asking is None:
            self._asking = loop.create_task(self._ask_on())
        return await question.answer

    async def close(self) -> None:
        """Give the connections back."""
        if self._asking is not None:
            self._asking.cancel()
        await self._link.close()

    async def _ask_on(self) -> None:
        try:
            await asyncio.sleep(0)  # what else comes in this turn of the loop comes along
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                await self._settle([question for question in batch if not question.answer.done()])
        finally:
            self._asking = None

    async def _settle(self, batch: Sequence[_Question]) -> None:
        try:
            verdicts = await self._verdicts(batch)
        except Exception as error:  # whatever it is, nobody may wait for ever, and nobody may pass
            for question in [*batch, *self._gone_with(error)]:
                if not question.answer.done():
                    question.answer.set_exception(RedisAway(f"{type(error).__name__}: {error}"))
            return
        for question, verdict in zip(batch, verdicts, strict=True):
            if not question.answer.done():
                question.answer.set_result(verdict)

    def _gone_with(self, error: Exception) -> Sequence[_Question]:
        """Who came while a Redis was asked that does not answer: one after the other would wait as long in vain."""
        if not isinstance(error, TimeoutError | LateAnswer):
            return ()
        waiting, self._waiting = self._waiting, deque()
        return waiting

    async def _verdicts(self, batch: Sequence[_Question]) -> list[Verdict]:
        keys = [key for question in batch if question.token is not None for key in _keys_of(question.token)]
        draws = [question.buckets for question in batch]
        async with asyncio.timeout(self._seconds):
            known, answer = await self._ask([MARK, *keys] if keys else (), script_arguments(draws))
        mark, rest = (known[0], iter(known[1:])) if known else (None, iter(()))
        standings = [
            Standing.GOOD
            if question.token is None
            else _standing(question.token, mark, next(rest), next(rest), next(rest))
            for question in batch
        ]
        return list(map(Verdict, standings, read_draws(draws, answer)))

    async def _ask(self, keys: Sequence[str], arguments: Sequence[Word]) -> tuple[list[bytes | None], list[int]]:
        lookup: Sequence[Sequence[Word]] = [("MGET", *keys)] if keys else []
        try:
            answers = await self._send(lookup, ("EVALSHA", _SCRIPT_HASH, *arguments))
        except NoScriptError:
            answers = await self._send(lookup, ("EVAL", SCRIPT, *arguments))
        except ConnectionError:  # after a restart of Redis the first use of a connection tells that it is dead
            answers = await self._send(lookup, ("EVAL", SCRIPT, *arguments))
        return (answers[0] if keys else []), answers[-1]

    async def _send(self, lookup: Sequence[Sequence[Word]], draw: Sequence[Word]) -> list[Any]:
        REDIS_ROUND_TRIPS.inc()
        if not self._is_cluster:
            return await self._link.call_many([*lookup, draw])
        return await asyncio.gather(*(self._link.call(*command) for command in (*lookup, draw)))


def _keys_of(token: AccessToken) -> tuple[str, str, str]:
    return f"{{auth}}:jti:{token.jti}", f"{{auth}}:sid:{token.session_id}", f"{{auth}}:epoch:{token.subject}"


def _standing(
    token: AccessToken, mark: bytes | None, jti: bytes | None, sid: bytes | None, epoch: bytes | None
) -> Standing:
    if mark is None:
        return Standing.UNKNOWN
    if jti is not None or sid is not None:
        return Standing.REVOKED
    if epoch is None:
        return Standing.GOOD
    if not epoch.isdigit():
        return Standing.UNKNOWN
    return Standing.STALE if token.epoch < int(epoch) else Standing.GOOD
