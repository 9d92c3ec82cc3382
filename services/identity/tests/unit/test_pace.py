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


async def test_what_follows_a_long_wait_is_hidden_anew() -> None:
    """After a queue longer than the whole time, half of it again."""
    began = time.monotonic()

    async with SteadyPace(FLOOR).answers() as beat:
        await asyncio.sleep(2 * FLOOR)
        beat.restart()

    assert time.monotonic() - began >= 2.5 * FLOOR


async def test_starting_again_early_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was short enough ends with the whole time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("promenade_identity.user.pace.asyncio.sleep", sleep)

    async with SteadyPace(1000).answers() as beat:
        beat.restart()

    assert slept[0] == pytest.approx(1000, abs=100)
