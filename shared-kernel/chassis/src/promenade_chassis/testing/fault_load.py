"""Facts committed without a pause, whatever is being killed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from uuid import UUID

import psycopg
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id
from psycopg_pool import PoolTimeout

from promenade_chassis.database import Database
from promenade_chassis.events.supervision import cancelled
from promenade_chassis.testing.events import record, sealed
from promenade_chassis.testing.polling import eventually

_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


class Load:
    """Commits facts about a few subjects in turns, a batch every `pause` seconds, from `async with` to its end.

    A commit whose answer was lost is tried again; that the facts are there already then means that it had come
    through. `recorded` is the last sequence of each subject that certainly committed.
    """

    def __init__(self, database: Database, *, subjects: int = 20, batch: int = 5, pause: float = 0.02) -> None:
        self.recorded = {new_id(): 0 for _ in range(subjects)}
        self._database = database
        self._batch = batch
        self._pause = pause
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def facts(self) -> int:
        """How many facts there are."""
        return sum(self.recorded.values())

    async def __aenter__(self) -> Load:
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None  # noqa: S101 - entered
        self._stopping = True
        if kind is not None:
            await cancelled(self._task)
        await self._task

    async def more(self, facts: int, within: float = 60) -> None:
        """Wait until so many more have been committed."""
        goal = self.facts + facts
        await eventually(lambda: self._has(goal), within=within)

    def _has(self, goal: int) -> None:
        if self._task is not None and self._task.done():
            self._task.result()
        assert self.facts >= goal, f"{self.facts} of {goal} facts"  # noqa: S101 - to be waited for

    async def _run(self) -> None:
        subjects, next_one = list(self.recorded), 0
        while not self._stopping:
            chosen = [subjects[(next_one + each) % len(subjects)] for each in range(self._batch)]
            next_one += self._batch
            await self._commit(self._facts_about(chosen))
            await asyncio.sleep(self._pause)

    def _facts_about(self, subjects: Sequence[UUID]) -> list[Envelope]:
        ahead: dict[UUID, int] = {}
        facts: list[Envelope] = []
        for subject in subjects:
            ahead[subject] = ahead.get(subject, self.recorded[subject]) + 1
            facts.append(sealed(UserSuspended(user_id=subject), subject=subject, sequence=ahead[subject]))
        return facts

    async def _commit(self, facts: Sequence[Envelope]) -> None:
        unsure = False
        while True:
            try:
                await record(self._database, facts)
            except psycopg.errors.UniqueViolation:
                if not unsure:
                    raise
                break
            except _AWAY:
                unsure = True
                await asyncio.sleep(0.05)
            else:
                break
        for fact in facts:
            self.recorded[fact.subject] = fact.sequence
