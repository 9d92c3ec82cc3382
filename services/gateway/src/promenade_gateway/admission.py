"""The one question to Redis that each request asks: is the token still good, and is it this caller's turn?"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Protocol

from promenade_chassis.auth import AccessToken
from promenade_chassis.events.redis_link import RedisLink, Word
from promenade_chassis.events.redis_url import read_url
from promenade_chassis.events.redis_wire import RedisWire, pack
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

    def ask(self, token: AccessToken | None, buckets: Sequence[Bucket]) -> Awaitable[Verdict]:
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


@dataclass(slots=True, eq=False)
class _Batch:
    """Questions that travel together: the keys to look up, the script's arguments, until when an answer helps."""

    questions: Sequence[_Question]
    keys: Sequence[Word]
    draw: Sequence[Word]
    until: float

    def verdicts(self, known: Sequence[bytes | None], answer: Sequence[int]) -> list[Verdict]:
        """What each of them gets."""
        rest = iter(known[1:])
        standings = [
            Standing.GOOD
            if question.token is None
            else _standing(question.token, known[0], next(rest), next(rest), next(rest))
            for question in self.questions
        ]
        return list(map(Verdict, standings, read_draws([question.buckets for question in self.questions], answer)))

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        """Tell each of them."""
        for question, verdict in zip(self.questions, verdicts, strict=True):
            if not question.answer.done():
                question.answer.set_result(verdict)


class RedisAdmission:
    """Asks Redis for many requests at once: those that come while an answer is awaited travel together after it.

    Revocations and buckets are two keys' worth of a cluster, so a batch is two commands; one write where they live
    on one server. `seconds` bound the wait for an answer; nothing that Redis did not say lets anybody in.

    Nearly always the connection is there and the answer is one: then it goes by callbacks (`_ask_next`, `_heard`),
    which cost a third of a task. What is not as usual is asked once more, carefully (`_ask_with_care`).
    """

    def __init__(self, url: str, *, seconds: float) -> None:
        self._link = RedisLink(url, answers_within=seconds)
        self._is_cluster = read_url(url).kind == "cluster"
        self._seconds = 2 * seconds  # connecting included
        self._waiting: deque[_Question] = deque()
        self._is_asking = False
        self._is_closed = False
        self._taking_care: asyncio.Task[None] | None = None

    def ask(self, token: AccessToken | None, buckets: Sequence[Bucket]) -> asyncio.Future[Verdict]:
        """Draw from all buckets and look the token up; raises `RedisAway`."""
        loop = asyncio.get_running_loop()
        question = _Question(token, buckets, loop.create_future())
        self._waiting.append(question)
        if not self._is_asking:
            self._is_asking = True
            loop.call_soon(self._ask_next)  # what else comes in this turn of the loop comes along
        return question.answer

    async def close(self) -> None:
        """Give the connections back."""
        self._is_closed = True
        if self._taking_care is not None:
            self._taking_care.cancel()
        await self._link.close()

    def _ask_next(self) -> None:
        batch = self._next_batch()
        if batch is None:
            self._is_asking = False
            return
        wire = self._link.at_hand()
        if wire is None:
            self._take_care(batch)
            return
        try:
            self._ask_by(wire, batch)
        except Exception as error:  # whatever it is, nobody may wait for ever, and nobody may pass
            self._tell_away(batch, error)
            asyncio.get_running_loop().call_soon(self._ask_next)

    def _ask_by(self, wire: RedisWire, batch: _Batch) -> None:
        REDIS_ROUND_TRIPS.inc()
        lookup = pack("MGET", *batch.keys) if batch.keys else b""
        asked = wire.ask(lookup + pack("EVALSHA", _SCRIPT_HASH, *batch.draw), 2 if batch.keys else 1)
        asked.add_done_callback(partial(self._heard, batch))

    def _next_batch(self) -> _Batch | None:
        questions: list[_Question] = []
        while self._waiting and len(questions) < MOST_AT_ONCE:
            question = self._waiting.popleft()
            if not question.answer.done():
                questions.append(question)
        if not questions:
            return None
        keys = [key for question in questions if question.token is not None for key in _keys_of(question.token)]
        draw = script_arguments([question.buckets for question in questions])
        until = asyncio.get_running_loop().time() + self._seconds
        return _Batch(questions, [MARK, *keys] if keys else (), draw, until)

    def _heard(self, batch: _Batch, asked: asyncio.Future[list[Any]]) -> None:
        try:
            answers = asked.result()
            is_usual = not any(isinstance(answer, Exception) for answer in answers)
            if is_usual:
                batch.settle(batch.verdicts(answers[0] if batch.keys else (), answers[-1]))
        except ConnectionError:
            is_usual = False
        except Exception as error:  # as above
            is_usual = True
            self._tell_away(batch, error)
        if is_usual:
            self._ask_next()
        else:
            self._take_care(batch)

    def _take_care(self, batch: _Batch) -> None:
        if self._is_closed:
            self._tell_away(batch, ConnectionError("the gateway is closing"))
        else:
            self._taking_care = asyncio.get_running_loop().create_task(self._ask_with_care(batch))

    async def _ask_with_care(self, batch: _Batch) -> None:
        try:
            async with asyncio.timeout_at(batch.until):
                known, answer = await self._ask(batch.keys, batch.draw)
            batch.settle(batch.verdicts(known, answer))
        except Exception as error:  # whatever it is, nobody may wait for ever, and nobody may pass
            self._tell_away(batch, error)
        self._ask_next()

    def _tell_away(self, batch: _Batch, error: Exception) -> None:
        for question in [*batch.questions, *self._gone_with(error)]:
            if not question.answer.done():
                question.answer.set_exception(RedisAway(f"{type(error).__name__}: {error}"))

    def _gone_with(self, error: Exception) -> Sequence[_Question]:
        """Who came while a Redis was asked that does not answer: one after the other would wait as long in vain."""
        if not isinstance(error, TimeoutError | LateAnswer):
            return ()
        waiting, self._waiting = self._waiting, deque()
        return waiting

    async def _ask(self, keys: Sequence[Word], arguments: Sequence[Word]) -> tuple[list[bytes | None], list[int]]:
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
