"""Answers that take the same time."""

from __future__ import annotations

import asyncio
import time

import pytest
from promenade_identity.user.pace import SteadyPace

FLOOR = 0.05


async def test_quick_ways_take_as_long_as_slow_ones() -> None:
    """Nothing is answered before its time, however little there was to do, refusals included."""
    pace = SteadyPace(FLOOR)
    began = time.monotonic()

    async with pace.answers():
        pass
    answered = time.monotonic()
    with pytest.raises(LookupError):
        async with pace.refusals():
            raise LookupError

    assert answered - began >= FLOOR
    assert time.monotonic() - answered >= FLOOR


async def test_slow_ways_are_not_made_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work counts towards the time: what has taken as long waits no more."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async with SteadyPace(FLOOR).answers():
        time.sleep(FLOOR)  # noqa: ASYNC251  # nothing else runs here
        monkeypatch.setattr(asyncio, "sleep", wait)

    assert all(seconds <= 0 for seconds in waits)


async def test_success_need_not_wait_where_it_is_no_secret() -> None:
    """Who signs in is not held up."""
    began = time.monotonic()

    async with SteadyPace(10).refusals():
        pass

    assert time.monotonic() - began < 5
