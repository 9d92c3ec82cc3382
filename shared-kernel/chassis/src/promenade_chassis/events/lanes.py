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

from promenade_chassis.error_words import name_of, trace_of
from promenade_chassis.events.outcome import Again, Done
from promenade_chassis.events.supervision import cancelled

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

WorkT = TypeVar("WorkT")
Outcomes = Sequence[Done | Again]
Handle = Callable[[Sequence[WorkT]], Awaitable[Outcomes | None]]
"""Handles works, of each subject in order; answers what became of each, or None: all are done."""

DEFAULT_BATCH = 500

Park = Callable[[list[WorkT]], list[WorkT]]
Unpark = Callable[[list[WorkT]], None]

_FIRST_SIZE = 16
_AFTER_A_FAULT = Again(1.0)
_inside: ContextVar[bool] = ContextVar("promenade_inside_lane", default=False)


def inside_lane() -> bool:
    """Whether the running code was called by a lane, that is, from inside a reaction."""
    return _inside.get()


class Lane(Generic[WorkT]):
    """One worker and the subjects dealt to it. It hands over what has arrived, in that order, at most `batch` works and
    twice what was done last time.

    Between the beginnings of two handlings at least `gather` seconds pass, unless there is enough for a full one or
    something is held: what arrives meanwhile is handled together. What arrives after a rest is handled at once.

    Work that answers `Again` is tried again after its pause; what follows of its subject is held behind it, other
    subjects go on. Work of lower rank goes before what is held: it may be what that waits for, left behind by another
    replica and claimed late.
    """

    def __init__(
        self,
        handle: Handle[WorkT],
        subject: Callable[[WorkT], Hashable],
        rank: Callable[[WorkT], int],
        park: Park[WorkT],
        unpark: Unpark[WorkT],
        batch: int,
        gather: float,
    ) -> None:
        self._handle = handle
        self._subject = subject
        self._rank = rank
        self._park = park
        self._unpark = unpark
        self._batch = batch
        self._gather = gather
        self._gathered_at = 0.0
        self._size = min(batch, _FIRST_SIZE)
        self._wake = asyncio.Event()
        self._busy = False
        self._arrived: deque[WorkT] = deque()
        self._held: dict[Hashable, list[WorkT]] = {}  # by subject, in order of rank
        self._pauses: dict[Hashable, asyncio.TimerHandle] = {}
        self._due: deque[Hashable] = deque()  # the subjects held whose pause has ended

    def put(self, works: Iterable[WorkT]) -> None:
        """Take work, in order."""
        self._arrived.extend(works)
        self._wake.set()

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is handled and nothing could be; work that pauses may be left."""
        return not (self._busy or self._arrived or self._due)

    async def run(self) -> None:
        """Handle work until cancelled."""
        _inside.set(True)
        while True:
            if self._arrived or self._due:
                await self._let_gather()
                await self._next()
                await asyncio.sleep(0)  # work that never waits must not keep the event loop to itself
                continue
            self._wake.clear()
            await self._wake.wait()

    async def _let_gather(self) -> None:
        missing = self._gathered_at - time.monotonic()
        # What is held may wait for just what has arrived.
        if missing > 0 and not self._held and len(self._arrived) < self._size:
            await asyncio.sleep(missing)
        self._gathered_at = time.monotonic() + self._gather

    def stop_pauses(self) -> None:
        """Let paused work rest for good."""
        for timer in self._pauses.values():
            timer.cancel()
        self._pauses.clear()

    async def _next(self) -> None:
        works = self._take_due()
        works += self._take_arrived(self._size - len(works))
        if not works:
            return
        self._busy = True
        try:
            outcomes = await self._handle(works)
        except Exception as fault:
            # Handling contains what reactions raise; this is a fault of the plumbing, and the work is not lost by it.
            logger.error("lane.failed", error=name_of(fault), trace=trace_of(fault))
            outcomes = [_AFTER_A_FAULT] * len(works)
        finally:
            self._busy = False
        done = len(works)
        if outcomes is not None:
            done -= self._hold_back(works, outcomes)
        # Twice what was achieved: slow work is not taken, locked and put back in vain, quick work soon goes in full.
        self._size = max(min(_FIRST_SIZE, self._batch), min(2 * done, self._batch))

    def _take_due(self) -> list[WorkT]:
        works: list[WorkT] = []
        while self._due and len(works) < self._size:
            subject = self._due.popleft()
            queue = self._held.pop(subject)
            room = self._size - len(works)
            works += queue[:room]
            if len(queue) > room:
                self._held[subject] = queue[room:]
                self._due.appendleft(subject)
        if works:
            self._unpark(works)
        return works

    def _take_arrived(self, room: int) -> list[WorkT]:
        arrived = self._arrived
        works = [arrived.popleft() for _ in range(min(room, len(arrived)))]
        if not self._held:
            return works
        return [work for work in works if not self._is_held(work)]

    def _is_held(self, work: WorkT) -> bool:
        """Whether what its subject waits for comes first; then it is held too."""
        subject = self._subject(work)
        queue = self._held.get(subject)
        if queue is None:
            return False
        if not self._park([work]):
            return True
        place = bisect_right(queue, self._rank(work), key=self._rank)
        queue.insert(place, work)
        if place == 0 and subject in self._pauses:
            self._pauses[subject].cancel()
            self._resume(subject)
        return True

    def _hold_back(self, works: Sequence[WorkT], outcomes: Outcomes) -> int:
        """Keep what is not done; answers how many that is."""
        left: dict[Hashable, tuple[list[WorkT], float]] = {}
        for work, outcome in zip(works, outcomes, strict=True):
            if isinstance(outcome, Again):
                left.setdefault(self._subject(work), ([], outcome.seconds))[0].append(work)
        for subject, (waiting, pause) in left.items():
            those = self._park(waiting)
            if not those:
                continue
            queue = self._held.setdefault(subject, [])
            queue[:0] = those
            queue.sort(key=self._rank)
            if subject in self._due:
                self._due.remove(subject)
            self._pause(subject, pause if queue[0] is those[0] else 0.0)
        return sum(len(waiting) for waiting, _ in left.values())

    def _pause(self, subject: Hashable, seconds: float) -> None:
        if seconds > 0:
            loop = asyncio.get_running_loop()
            self._pauses[subject] = loop.call_later(seconds, self._resume, subject)
        else:
            self._due.append(subject)

    def _resume(self, subject: Hashable) -> None:
        del self._pauses[subject]
        self._due.append(subject)
        self._wake.set()


def _keep(works: list[WorkT]) -> list[WorkT]:
    return works


def _ignore(_: Sequence[object]) -> None:
    return


class Lanes(Generic[WorkT]):
    """Several lanes; a subject always goes to the same one. `rank` orders the works of one subject.

    `park` is told of works that are held for their subject and answers those that shall be; the others are forgotten.
    `unpark` is told when works that were held are handled.
    """

    def __init__(
        self,
        handle: Handle[WorkT],
        count: int,
        *,
        subject: Callable[[WorkT], Hashable],
        rank: Callable[[WorkT], int],
        batch: int = DEFAULT_BATCH,
        gather: float = 0.0,
        park: Park[WorkT] = _keep,
        unpark: Unpark[WorkT] = _ignore,
    ) -> None:
        self.count = count
        self._subject = subject
        self._lanes = [Lane(handle, subject, rank, park, unpark, batch, gather) for _ in range(count)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to handle. Workers start in an empty context: they inherit nobody's transaction or cause."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(lane.run(), context=Context()) for lane in self._lanes]

    def put(self, works: Iterable[WorkT]) -> None:
        """Deal works to their subjects' lanes, in order."""
        count, subject = self.count, self._subject
        dealt: list[list[WorkT]] = [[] for _ in range(count)]
        for work in works:
            dealt[hash(subject(work)) % count].append(work)
        self.put_dealt(dealt)

    def put_dealt(self, dealt: Sequence[Sequence[WorkT]]) -> None:
        """Take works dealt to the lanes already, always in the same way; for who knows a cheaper one than `put`."""
        for lane, its in zip(self._lanes, dealt, strict=True):
            if its:
                lane.put(its)

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
