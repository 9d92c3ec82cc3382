"""The revocations in Redis, as the gateway reads them: a key each, and the mark.

The mark is a number: all unexpired revocations up to it are in Redis. PostgreSQL commits the numbers in their order,
and keys and mark are written together, from what followed the mark that was read, or not at all: so the mark never
stands above a missing key, whichever process dies at which point.
"""

from __future__ import annotations

import math
from datetime import datetime

import structlog
from promenade_chassis.ports import utc_now
from psycopg import Error as PsycopgError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError, WatchError

from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.repository import Revocations

log = structlog.get_logger(__name__)

MARK = "{auth}:mark"
UNMARKED = -1


def key_of(revocation: Revocation) -> str:
    """The key of a revocation; all share a slot, so that one transaction can write them with the mark."""
    return f"{{auth}}:{revocation.kind}:{revocation.subject}"


class RedisAnnouncements:
    """Copies revocations from PostgreSQL to Redis."""

    def __init__(self, redis: Redis, revocations: Revocations) -> None:
        self._redis = redis
        self._revocations = revocations
        self._is_away = False

    async def announce(self) -> None:
        """Bring Redis up to date, after the commit and before the answer; never raises."""
        try:
            await self.catch_up()
        except (RedisError, OSError, PsycopgError) as error:
            if not self._is_away:
                log.warning("revocations.not-announced", error=type(error).__name__)
            self._is_away = True
        else:
            self._is_away = False

    async def keep_up(self) -> bool:
        """`announce` as the work of a job: the next look comes at its usual time, also while something is away."""
        await self.announce()
        return False

    async def catch_up(self) -> None:
        """Write what is missing."""
        if _number(await self._redis.get(MARK)) == await self._revocations.newest():
            return
        while not await self._write_missing():
            pass

    async def _write_missing(self) -> bool:
        """Whether it was written; another process, or a flush, may have come between."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            await pipeline.watch(MARK)
            mark = _number(await pipeline.get(MARK))
            now = utc_now()
            backlog = await self._revocations.after(mark, now)
            if mark > backlog.newest:
                # PostgreSQL was restored to an earlier state; the numbers begin to count again from there.
                backlog = await self._revocations.after(UNMARKED, now)
            pipeline.multi()
            for revocation in backlog.revocations:
                _put(pipeline, revocation, now)
            pipeline.set(MARK, backlog.newest)
            try:
                await pipeline.execute()
            except WatchError:
                return False
            if backlog.revocations:
                log.info("revocations.announced", count=len(backlog.revocations), newest=backlog.newest)
            return True


def _put(pipeline: Pipeline, revocation: Revocation, now: datetime) -> None:
    seconds = math.ceil((revocation.expires_at - now).total_seconds())
    pipeline.set(key_of(revocation), revocation.value, ex=max(1, seconds))


def _number(mark: bytes | str | None) -> int:
    """The mark as a number; a missing or unreadable one means that nothing is there."""
    try:
        return UNMARKED if mark is None else int(mark)
    except ValueError:
        return UNMARKED
