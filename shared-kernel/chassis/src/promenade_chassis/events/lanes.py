"""Lanes: subjects dealt to a few workers. Within a subject in order and one at a time, across subjects concurrent."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context, ContextVar
from typing import Generic, TypeVar

import structlog

from promenade_chassis.events.outcome import Again, Done
from promenade_chassis.events.supervision import cancelled

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

WorkT = TypeVar("WorkT")
Handle = Callable[[WorkT], Awaitable[Done | Again]]

_AFTER_A_FAULT = Again(1.0)
_STRIDE = 64  # work that never waits for anything must not keep the event loop to itself
_inside: ContextVar[bool] = ContextVar("promenade_inside_lane", default=False)


def inside_lane() -> bool:
    """Whether the running code was called by a lane, that is, from inside a reaction."""
    return _inside.get()


class Lane(Generic[WorkT]):
    """One worker and the subjects dealt to it.

    Work that answers `Again` is tried again after its pause; what follows of its subject waits behind it, other
    subjects go on. Work of lower rank goes before what waits already: it may be what that waits for, left behind by
    another replica and claimed late.
    """

    def __init__(self, handle: Handle[WorkT]) -> None:
        self._handle = handle
        self._queues: dict[Hashable, list[tuple[int, WorkT]]] = {}
        self._ready: deque[Hashable] = deque()
        self._pauses: dict[Hashable, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._busy = False

    def put(self, subject: Hashable, rank: int, work: WorkT) -> None:
        """Take work; of one subject that of the lowest rank is handled first, among equals what was put first."""
        queue = self._queues.get(subject)
        if queue is None:
            self._queues[subject] = [(rank, work)]
            self._make_ready(subject)
            return
        place = bisect_right(queue, rank, key=_rank)
        queue.insert(place, (rank, work))
        pause = self._pauses.pop(subject, None) if place == 0 else None
        if pause is not None:
            pause.cancel()
            self._make_ready(subject)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is handled and nothing could be; work that pauses may be left."""
        return not self._busy and not self._ready

    async def run(self) -> None:
        """Handle work until cancelled."""
        _inside.set(True)
        while True:
            for _ in range(min(_STRIDE, len(self._ready))):
                await self._next()
            if self._ready:
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            await self._wake.wait()

    def stop_pauses(self) -> None:
        """Let paused work rest for good."""
        for timer in self._pauses.values():
            timer.cancel()
        self._pauses.clear()

    async def _next(self) -> None:
        subject = self._ready.popleft()
        queue = self._queues[subject]
        rank, work = queue.pop(0)
        self._busy = True
        try:
            outcome = await self._handle(work)
        except Exception:
            # Handling contains what reactions raise; this is a fault of the plumbing, and the work is not lost by it.
            logger.exception("lane.failed")
            outcome = _AFTER_A_FAULT
        finally:
            self._busy = False
        if isinstance(outcome, Again):
            self._put_back(subject, rank, work, outcome)
        elif queue:
            self._ready.append(subject)
        else:
            del self._queues[subject]

    def _put_back(self, subject: Hashable, rank: int, work: WorkT, again: Again) -> None:
        queue = self._queues[subject]
        place = bisect_left(queue, rank, key=_rank)
        queue.insert(place, (rank, work))
        if place > 0:  # meanwhile something came that goes before it
            self._ready.append(subject)
            return
        loop = asyncio.get_running_loop()
        self._pauses[subject] = loop.call_later(again.seconds, self._resume, subject)

    def _resume(self, subject: Hashable) -> None:
        del self._pauses[subject]
        self._make_ready(subject)

    def _make_ready(self, subject: Hashable) -> None:
        self._ready.append(subject)
        self._wake.set()


def _rank(ranked: tuple[int, object]) -> int:
    return ranked[0]


class Lanes(Generic[WorkT]):
    """Several lanes; a subject always goes to the same one."""

    def __init__(self, handle: Handle[WorkT], count: int) -> None:
        self._lanes = [Lane(handle) for _ in range(count)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to handle. Workers start in an empty context: they inherit nobody's transaction or cause."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(lane.run(), context=Context()) for lane in self._lanes]

    def put(self, subject: Hashable, rank: int, work: WorkT) -> None:
        """Deal work to its subject's lane."""
        self._lanes[hash(subject) % len(self._lanes)].put(subject, rank, work)

    async def drain(self, within: float) -> bool:
        """Wait until only paused work is left; answers whether that came true in so many seconds."""
        deadline = time.monotonic() + within
        while not all(lane.is_quiet for lane in self._lanes):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def stop(self) -> None:
        """End the workers; what one is handling is rolled back."""
        for lane in self._lanes:
            lane.stop_pauses()
        await cancelled(*self._tasks)
        self._tasks = []
