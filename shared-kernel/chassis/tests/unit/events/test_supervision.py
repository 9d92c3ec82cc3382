"""Loops that never die silently, and end when told."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from promenade_chassis.events import supervision
from promenade_chassis.events.supervision import cancelled, supervised
from promenade_chassis.testing.polling import eventually, stretched
from prometheus_client import REGISTRY
from psycopg.errors import UniqueViolation
from structlog.testing import capture_logs


async def test_a_loop_that_crashes_is_started_again():
    """Twice a crash, then it goes on."""
    runs = 0

    async def crash_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("away")

    await asyncio.wait_for(supervised("test", crash_twice), stretched(20))

    assert runs == 3


async def test_every_failure_of_a_loop_is_counted_and_the_same_one_said_now_and_then(monkeypatch: pytest.MonkeyPatch):
    """The first time, then every ten minutes: a loop that has not run for a day is not silent about it."""
    before, runs, now = _failures(), 0, 0.0

    async def crash_six_times() -> None:
        nonlocal runs
        runs += 1
        if runs <= 6:
            raise OSError("away" if runs <= 5 else "gone")

    def pauses(cap: float) -> Iterator[float]:
        nonlocal now
        while True:
            now += 250
            yield 0.0

    monkeypatch.setattr(supervision, "pauses", pauses)
    monkeypatch.setattr(supervision, "time", SimpleNamespace(monotonic=lambda: now))

    with capture_logs() as said:
        await asyncio.wait_for(supervised("test", crash_six_times, context="billing", stream="s"), stretched(20))

    assert _failures() == before + 6
    assert [line["event"] for line in said] == ["loop.interrupted"] * 6
    assert [line["log_level"] for line in said] == ["warning", "debug", "debug", "warning", "debug", "warning"]
    assert said[-1] == {
        "event": "loop.interrupted",
        "log_level": "warning",
        "loop": "test",
        "context": "billing",
        "stream": "s",
        "error": "OSError: gone",
    }


async def test_what_postgresql_quotes_is_not_said_by_a_loop():
    """The name is enough."""
    runs = 0

    async def crash_once() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise UniqueViolation("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.")

    with capture_logs() as said:
        await asyncio.wait_for(supervised("test", crash_once), stretched(20))

    assert [line["error"] for line in said] == ["UniqueViolation 23505"]


def _failures() -> float:
    return REGISTRY.get_sample_value("promenade_loop_failures_total", {"context": "billing", "loop": "test"}) or 0.0


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

    await asyncio.wait_for(cancelled(task), stretched(20))

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
