"""Waiting with a deadline."""

import time

import pytest
from promenade_chassis.testing.polling import eventually, eventually_blocking, stretched


async def test_eventually_returns_what_the_assertion_returns():
    """It is asked again until it raises nothing."""
    answers = iter([False, False, True])

    def assertion() -> str:
        assert next(answers)
        return "there"

    assert await eventually(assertion, every=0) == "there"


async def test_eventually_awaits_an_async_assertion():
    """A coroutine function is as good as a plain one."""

    async def assertion() -> int:
        return 7

    assert await eventually(assertion) == 7


async def test_eventually_raises_the_last_failure_at_the_deadline():
    """The test sees why, not merely that time is over."""
    with pytest.raises(AssertionError, match="never"):
        await eventually(_never, within=0, every=0)


def test_the_blocking_form_has_the_same_deadline():
    """It gives up too, after the time asked for."""
    began = time.monotonic()

    with pytest.raises(AssertionError, match="never"):
        eventually_blocking(_never, within=0.05, every=0.01)

    assert time.monotonic() - began >= 0.05


def test_the_scale_stretches_deadlines(monkeypatch: pytest.MonkeyPatch):
    """A slow machine gets more time for the same assertion."""
    monkeypatch.setenv("PROMENADE_TEST_SCALE", "3")

    assert stretched(2) == 6


def _never() -> None:
    raise AssertionError("never")
