"""Deadlines that move with every request."""

import asyncio

from promenade_chassis.testing.polling import eventually
from promenade_gateway.deadline import Deadline


class Clock:
    """A loop of which only time and timers are asked."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, object]] = []
        self.made = 0

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: object) -> object:
        timer = Timer(self, (at, call))
        self.timers.append(timer.entry)
        self.made += 1
        return timer

    def go_to(self, now: float) -> None:
        self.now = now
        for entry in [each for each in self.timers if each[0] <= now]:
            self.timers.remove(entry)
            entry[1]()  # type: ignore[operator]  # a callback


class Timer:
    def __init__(self, clock: Clock, entry: tuple[float, object]) -> None:
        self._clock = clock
        self.entry = entry

    def cancel(self) -> None:
        if self.entry in self._clock.timers:
            self._clock.timers.remove(self.entry)


def a_deadline() -> tuple[Deadline, Clock, list[float]]:
    clock, late = Clock(), []
    return Deadline(lambda: late.append(clock.now), clock), clock, late  # type: ignore[arg-type]  # all it asks of a loop


def test_it_rings_once() -> None:
    """At its time."""
    deadline, clock, late = a_deadline()
    deadline.within(5)

    clock.go_to(104.9)
    assert late == []
    clock.go_to(105)
    clock.go_to(200)

    assert late == [105]
    assert not deadline.is_set


def test_moving_it_makes_no_timers() -> None:
    """A thousand requests have one between them, and the last one's time counts."""
    deadline, clock, late = a_deadline()
    for number in range(1000):
        clock.now = 100 + number / 1000
        deadline.within(5)
    assert clock.made == 1

    clock.go_to(105)
    clock.go_to(105.998)
    assert late == []
    clock.go_to(106)

    assert late == [106]


def test_an_earlier_one_is_not_missed() -> None:
    """The timer of a later one is not waited for."""
    deadline, clock, late = a_deadline()
    deadline.within(30)
    deadline.within(2)

    clock.go_to(102)

    assert late == [102]


def test_what_has_happened_does_not_ring() -> None:
    """Nor what was closed."""
    deadline, clock, late = a_deadline()
    deadline.within(5)
    deadline.clear()
    clock.go_to(110)
    deadline.within(5)
    deadline.close()
    clock.go_to(120)

    assert late == []
    assert clock.timers == []


async def test_it_runs_on_a_real_loop() -> None:
    """As it does in a connection."""
    late: list[bool] = []
    deadline = Deadline(lambda: late.append(True), asyncio.get_running_loop())

    deadline.within(0.01)

    await eventually(lambda: _assert(late == [True]))


def _assert(what: bool) -> None:
    assert what
