"""Loops that never die silently, and end when told."""

import asyncio

from promenade_chassis.events.supervision import cancelled, supervised
from promenade_chassis.testing.polling import eventually


async def test_a_loop_that_crashes_is_started_again():
    """Twice a crash, then it goes on."""
    runs = 0

    async def crash_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("away")

    await asyncio.wait_for(supervised("test", crash_twice), 5)

    assert runs == 3


async def test_a_task_that_swallows_a_cancellation_is_asked_again():
    """As a task may that was inside redis-py when it was asked."""
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    await asyncio.wait_for(cancelled(task), 5)

    assert task.cancelled()


async def test_what_has_ended_already_needs_no_cancelling():
    """Also when it ended in a fault."""

    async def fail() -> None:
        raise OSError("away")

    task = asyncio.create_task(fail())
    await eventually(lambda: _is_done(task))

    await cancelled(task)
    await cancelled()


def _is_done(task: asyncio.Task[None]) -> None:
    assert task.done()
