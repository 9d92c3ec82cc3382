"""The one question to Redis that each request asks: is the token still good, and is it this caller's turn?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, cast

import redis.asyncio
from promenade_chassis.auth import AccessToken
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from promenade_gateway.limits import Bucket
from promenade_gateway.token_bucket import SCRIPT, Draw, read_draw, script_arguments

_SCRIPT_HASH = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324  # Redis names scripts by it

CONNECTIONS = 32


class RedisAway(Exception):
    """Redis gave no answer: neither revocation nor limits are known."""


class Standing(Enum):
    """What Redis knows about a token. `UNKNOWN`: the revocations are not (all) there, so nothing can be said."""

    GOOD = "good"
    REVOKED = "revoked"
    STALE = "stale"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
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


class RedisAdmission:
    """Asks Redis; one pipeline a request."""

    def __init__(self, url: str, *, seconds: float) -> None:
        # One retry: after a restart of Redis the connections of the pool are dead, and the first use tells. Above so
        # many connections a request waits its turn; failing instead would let a flood pass uncounted.
        pool: Any = redis.asyncio.BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
            url,
            max_connections=CONNECTIONS,
            timeout=10 * seconds,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1),
        )
        self._redis: Any = redis.asyncio.Redis.from_pool(pool)

    async def ask(self, token: AccessToken | None, buckets: Sequence[Bucket]) -> Verdict:
        """Draw from all buckets and look the token up; raises `RedisAway`."""
        try:
            known, answer = await self._ask(token, buckets, ("EVALSHA", _SCRIPT_HASH))
            if isinstance(answer, NoScriptError):
                known, answer = await self._ask(token, buckets, ("EVAL", SCRIPT))
        except (RedisError, OSError, TimeoutError) as error:
            raise RedisAway(type(error).__name__) from error
        if isinstance(answer, Exception) or isinstance(known, Exception):
            raise RedisAway(type(answer).__name__)
        return Verdict(_standing(token, known), read_draw(buckets, answer))

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    async def _ask(self, token: AccessToken | None, buckets: Sequence[Bucket], script: tuple[str, str]) -> Any:
        pipeline = self._redis.pipeline(transaction=False)
        if token is not None:
            pipeline.mget(_keys_of(token))
        pipeline.execute_command(*script, *script_arguments(buckets))
        answers = cast("list[Any]", await pipeline.execute(raise_on_error=False))
        return (answers[0] if token is not None else None), answers[-1]


def _keys_of(token: AccessToken) -> list[str]:
    return [
        "{auth}:mark",
        f"{{auth}}:jti:{token.jti}",
        f"{{auth}}:sid:{token.session_id}",
        f"{{auth}}:epoch:{token.principal.id}",
    ]


def _standing(token: AccessToken | None, known: list[bytes | None] | None) -> Standing:
    if token is None or known is None:
        return Standing.GOOD
    mark, jti, sid, epoch = known
    if mark is None:
        return Standing.UNKNOWN
    if jti is not None or sid is not None:
        return Standing.REVOKED
    if epoch is not None and token.epoch < int(epoch):
        return Standing.STALE
    return Standing.GOOD
