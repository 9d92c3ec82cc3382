"""Loops that never die silently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

import structlog

from promenade_chassis.error_words import text_of
from promenade_chassis.events.meters import loop_failures
from promenade_chassis.events.retry import pauses

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

FirstT = TypeVar("FirstT")
SecondT = TypeVar("SecondT")

_HEALTHY_AFTER = 10.0
_SAY_AGAIN_SECONDS = 600.0
_ASK_AGAIN_SECONDS = 0.2


async def supervise(name: str, work: Callable[[], Awaitable[None]], *, context: str = "", **ids: str) -> None:
    """Run `work` until it returns; whenever it raises, log that and start it again after a growing pause.

    Every failure is counted. The same error again and again, as while Redis is away, is told every ten minutes.
    """
    failures = loop_failures(context, name)
    waits, told, say_at = pauses(cap=2.0), "", 0.0
    while True:
        began = time.monotonic()
        try:
            await work()
        except Exception as error:
            now, brief = time.monotonic(), text_of(error)[:200]
            failures.inc()
            if now - began > _HEALTHY_AFTER:
                waits, told = pauses(cap=2.0), ""
            is_news = brief != told or now >= say_at
            say = logger.warning if is_news else logger.debug
            say("loop.interrupted", loop=name, context=context, error=brief, **ids)
            told, say_at = brief, now + _SAY_AGAIN_SECONDS if is_news else say_at
            await asyncio.sleep(next(waits))
        else:
            return


def supervised(name: str, work: Callable[[], Awaitable[None]], *, context: str = "", **ids: str) -> asyncio.Task[None]:
    """`supervise` as a task in an empty context: it inherits nobody's transaction or cause."""
    supervising = supervise(name, work, context=context, **ids)
    return asyncio.get_running_loop().create_task(supervising, name=name, context=Context())


async def cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended.

    Asked again until they have: redis-py sends inside `asyncio.wait_for`, and that of Python 3.11 can swallow a
    cancellation (bpo-37658).
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_ASK_AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # marks it as seen: supervision has told it already


async def together(aside: Coroutine[Any, Any, FirstT], main: Awaitable[SecondT]) -> tuple[FirstT, SecondT]:
    """Both at the same time; when one fails, the other has ended, too, before that is told."""
    task = asyncio.get_running_loop().create_task(aside)
    try:
        result = await main
    except BaseException:
        await cancelled(task)
        raise
    return await task, result
