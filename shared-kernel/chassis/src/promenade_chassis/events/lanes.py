"""Lanes: subjects dealt to a few workers. Within a subject in order and one at a time, across subjects concurrent."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from contextvars import Context, ContextVar
from typing import Generic, TypeVar

import structlog

from promenade_chassis.events.outcome import Again, Done
from promenade_chassis.events.supervision import cancelled

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

WorkT = TypeVar("WorkT")
Outcomes = Sequence[Done | Again]
Handle = Callable[[Sequence[WorkT]], Awaitable[Outcomes | None]]
"""Handles works, of each subject in order; answers what became of each, or None: all are done."""

DEFAULT_BATCH = 500

_AFTER_A_FAULT = Again(1.0)
_inside: ContextVar[bool] = ContextVar("promenade_inside_lane", default=False)


def inside_lane() -> bool:
    """Whether the running code was called by a lane, that is, from inside a reaction."""
    return _inside.get()


class Lane(Generic[WorkT]):
    """One worker and the subjects dealt to it. It hands over all that is ready at once, at most `batch` works.

    Work that answers `Again` is tried again after its pause; what follows of its subject waits behind it, other
    subjects go on. Work of lower rank goes before what waits already: it may be what that waits for, left behind by
    another replica and claimed late.
    """

    def __init__(self, handle: Handle[WorkT], rank: Callable[[WorkT], int], batch: int) -> None:
        self._handle = handle
        self._rank = rank
        self._batch = batch
        # A subject under way has a queue too, for what comes meanwhile, and is not ready.
        self._queues: dict[Hashable, list[WorkT]] = {}
        self._ready: deque[Hashable] = deque()
        self._pauses: dict[Hashable, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._busy = False

    def put(self, subject: Hashable, work: WorkT) -> None:
        """Take work; of one subject that of the lowest rank is handled first, among equals what was put first."""
        queue = self._queues.get(subject)
        if queue is None:
            self._queues[subject] = [work]
            self._ready.append(subject)
            self._wake.set()
        elif not queue or self._rank(work) >= self._rank(queue[-1]):
            queue.append(work)
        else:
            place = bisect_right(queue, self._rank(work), key=self._rank)
            queue.insert(place, work)
            if place == 0:
                self._end_pause(subject)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is handled and nothing could be; work that pauses may be left."""
        return not self._busy and not self._ready

    async def run(self) -> None:
        """Handle work until cancelled."""
        _inside.set(True)
        while True:
            if self._ready:
                await self._next()
                await asyncio.sleep(0)  # work that never waits must not keep the event loop to itself
                continue
            self._wake.clear()
            await self._wake.wait()

    def stop_pauses(self) -> None:
        """Let paused work rest for good."""
        for timer in self._pauses.values():
            timer.cancel()
        self._pauses.clear()

    async def _next(self) -> None:
        works, taken = self._take()
        self._busy = True
        try:
            outcomes = await self._handle(works)
        except Exception:
            # Handling contains what reactions raise; this is a fault of the plumbing, and the work is not lost by it.
            logger.exception("lane.failed")
            outcomes = [_AFTER_A_FAULT] * len(works)
        finally:
            self._busy = False
        if outcomes is None:
            self._finish(taken)
        else:
            self._sort_out(works, taken, outcomes)

    def _take(self) -> tuple[list[WorkT], list[tuple[Hashable, int]]]:
        """The works to be handled together, and of which subject how many each."""
        works: list[WorkT] = []
        taken: list[tuple[Hashable, int]] = []
        ready, queues = self._ready, self._queues
        while ready and len(works) < self._batch:
            subject = ready.popleft()
            queue = queues[subject]
            count = min(len(queue), self._batch - len(works))
            works += queue[:count]
            del queue[:count]
            taken.append((subject, count))
        return works, taken

    def _finish(self, taken: Iterable[tuple[Hashable, int]]) -> None:
        queues, ready = self._queues, self._ready
        for subject, _ in taken:
            if queues[subject]:
                ready.append(subject)
            else:
                del queues[subject]

    def _sort_out(self, works: Sequence[WorkT], taken: Iterable[tuple[Hashable, int]], outcomes: Outcomes) -> None:
        start = 0
        for subject, count in taken:
            end = start + count
            left = [index for index in range(start, end) if not isinstance(outcomes[index], Done)]
            if left:
                self._put_back(subject, [works[index] for index in left], outcomes[left[0]])
            else:
                self._finish([(subject, count)])
            start = end

    def _put_back(self, subject: Hashable, works: list[WorkT], outcome: Done | Again) -> None:
        queue = self._queues[subject]
        first = works[0]
        queue[:0] = works
        queue.sort(key=self._rank)
        pause = outcome.seconds if isinstance(outcome, Again) else 0.0
        if queue[0] is not first or pause <= 0:  # something may have come meanwhile that goes before it
            self._ready.append(subject)
            return
        self._pauses[subject] = asyncio.get_running_loop().call_later(pause, self._resume, subject)

    def _end_pause(self, subject: Hashable) -> None:
        pause = self._pauses.get(subject)
        if pause is not None:
            pause.cancel()
            self._resume(subject)

    def _resume(self, subject: Hashable) -> None:
        del self._pauses[subject]
        self._ready.append(subject)
        self._wake.set()


class Lanes(Generic[WorkT]):
    """Several lanes; a subject always goes to the same one. `rank` orders the works of one subject."""

    def __init__(
        self, handle: Handle[WorkT], count: int, *, rank: Callable[[WorkT], int], batch: int = DEFAULT_BATCH
    ) -> None:
        self._lanes = [Lane(handle, rank, batch) for _ in range(count)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to handle. Workers start in an empty context: they inherit nobody's transaction or cause."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(lane.run(), context=Context()) for lane in self._lanes]

    def put(self, subject: Hashable, work: WorkT) -> None:
        """Deal work to its subject's lane."""
        self._lanes[hash(subject) % len(self._lanes)].put(subject, work)

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
