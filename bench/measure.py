"""Measuring: contenders run in turns, several times, each reading in work a second."""

from __future__ import annotations

import asyncio
import cProfile
import gc
import statistics
import time
import traceback
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import uvloop
from engines import Rig

SECONDS_A_RUN = 1.5
PATIENCE = 30.0
"""Seconds a run may take: it fails rather than wait for an event that does not come."""
GRACE = 3.0
"""Seconds that what was cancelled may take to end; then it is left behind."""


class PeerMissing(Exception):
    """The peer is not installed on this machine; the message says what is missing."""


class Hung(Exception):
    """The run did not end in time."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one contender.

    Attributes:
        rate: units of work a second.
        cpu: microseconds of this process' CPU a unit: what a busy machine does not blur.
        p50: median latency in milliseconds, where the row measures one.
        p99: its 99th percentile.
        facts: anything else worth keeping, such as an index size.
    """

    rate: float
    cpu: float | None = None
    p50: float | None = None
    p99: float | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Contender:
    """Who runs. `run` does `rig.size` units of work and asserts by itself that they were done.

    The warm-up is of the size `least`; from its rate the size of the runs is chosen, up to `most`, so that slow
    contenders and slow machines take no longer than others.
    """

    name: str
    run: Callable[[Rig], Reading]
    least: int = 2_000
    most: int = 100_000
    seconds: float = SECONDS_A_RUN

    def size_for(self, rate: float) -> int:
        """How many units a run is about, at such a rate."""
        return min(self.most, max(self.least, int(rate * self.seconds)))


@dataclass(frozen=True, slots=True)
class Goal:
    """What the row should reach. `of` is `rate`, `p50`, `p99`, or the name of a peer for a ratio to it;
    `p50 - <peer>` is what ours takes longer in ms, `p99 ÷ <peer>` how many times as long."""

    text: str
    of: str
    least: float = 0.0
    most: float = float("inf")

    def is_met(self, row: RowResult) -> bool | None:
        """Whether it is met; None when the peer it speaks of did not run."""
        figure = row.figure(self.of)
        return None if figure is None else self.least <= figure <= self.most


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: our contender, its peers, and constants nobody ran here (labelled so).

    Without `ratios` the contenders work at rates given to them, and only their latencies compare. A `long` row is left
    to `just bench-long`, unless it is asked for by name.
    """

    name: str
    title: str
    unit: str
    ours: Contender
    peers: Sequence[Contender] = ()
    constants: dict[str, float] = field(default_factory=dict[str, float])
    goals: Sequence[Goal] = ()
    warm_up: bool = True
    ratios: bool = True
    long: bool = False


@dataclass(slots=True)
class Series:
    """All readings of one contender in one row."""

    name: str
    readings: list[Reading] = field(default_factory=list[Reading])
    size: int = 0
    missing: str = ""
    hung: str = ""
    failure: str = ""

    @property
    def fate(self) -> str:
        """Why there are no readings."""
        return "failed" if self.failure else "hung" if self.hung else "missing"

    @property
    def rate(self) -> float:
        """The median rate."""
        return statistics.median(reading.rate for reading in self.readings)

    @property
    def best(self) -> float:
        """The best rate."""
        return max(reading.rate for reading in self.readings)

    @property
    def noise(self) -> float:
        """The spread over the runs, (highest - lowest) / median."""
        return (self.best - min(reading.rate for reading in self.readings)) / self.rate

    def median(self, name: str) -> float | None:
        """The median of `cpu`, `p50` or `p99` over the runs."""
        found = [value for reading in self.readings if (value := getattr(reading, name)) is not None]
        return statistics.median(found) if found else None


@dataclass(slots=True)
class RowResult:
    """What came of a row."""

    row: Row
    ours: Series
    peers: list[Series]

    def figure(self, of: str) -> float | None:
        """Our rate, a latency of ours, or the ratio of our rate to a peer's."""
        if not self.ours.readings:
            return None
        if of == "rate":
            return self.ours.rate
        if of in ("p50", "p99"):
            return self.ours.median(of)
        for sign in (" - ", " ÷ "):
            if sign in of and of.startswith(("p50", "p99")):
                return self._compared(sign, *of.split(sign, 1))
        return self._ratio(of) if self.row.ratios else None

    def _compared(self, sign: str, name: str, peer: str) -> float | None:
        ours, theirs = self.ours.median(name), self._peer(peer)
        other = theirs.median(name) if theirs else None
        if ours is None or not other:
            return None
        return ours - other if sign == " - " else ours / other

    def _ratio(self, peer: str) -> float | None:
        if peer in self.row.constants:
            return self.ours.rate / self.row.constants[peer]
        found = self._peer(peer)
        return self.ours.rate / found.rate if found else None

    def _peer(self, name: str) -> Series | None:
        return next((series for series in self.peers if series.name == name and series.readings), None)


def measured(row: Row, rig: Rig, runs: int, say: Callable[[str], None]) -> RowResult:
    """Run a row: warm up, then ours, peer, peer, ours, peer, peer …"""
    result = RowResult(row, Series(row.ours.name), [Series(peer.name) for peer in row.peers])
    pairs = list(zip([row.ours, *row.peers], [result.ours, *result.peers], strict=True))
    try:
        _take_turns(row, rig, runs, pairs, say)
    finally:
        rig.end_row()
    return result


def _take_turns(
    row: Row, rig: Rig, runs: int, pairs: Sequence[tuple[Contender, Series]], say: Callable[[str], None]
) -> None:
    for turn in range(-1 if row.warm_up else 0, runs):
        for contender, series in pairs:
            if series.missing or series.hung or series.failure:
                continue
            reading = _read(contender, series, rig)
            if reading is not None and turn >= 0:
                series.readings.append(reading)
            elif reading is not None:
                series.size = contender.size_for(reading.rate)
            figure = series.fate if reading is None else f"{reading.rate:,.0f} {row.unit}"
            say(f"{row.name:<18} {f'run {turn + 1}' if turn >= 0 else 'warm':<7} {contender.name}: {figure}")


def _read(contender: Contender, series: Series, rig: Rig) -> Reading | None:
    rig.size = series.size or contender.least
    gc.collect()
    try:
        return contender.run(rig)
    except PeerMissing as missing:
        series.missing = str(missing)
    except Hung as hung:
        series.hung = str(hung)
    except Exception as error:
        series.failure = "".join(traceback.format_exception(error))
    return None


def looped(
    run: Callable[[Rig], Coroutine[Any, Any, Reading]], *, patience: float = PATIENCE
) -> Callable[[Rig], Reading]:
    """A coroutine as a contender's `run`, each time on a new uvloop, as services run.

    Raises `Hung` when it does not end, also when it does not let itself be cancelled: `asyncio.run` would wait for it.
    """

    def run_it(rig: Rig) -> Reading:
        loop = uvloop.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(_bounded(run(rig), patience))
        finally:
            loop.run_until_complete(_left_behind(asyncio.all_tasks(loop)))
            asyncio.set_event_loop(None)
            loop.close()

    return run_it


async def _bounded(work: Coroutine[Any, Any, Reading], patience: float) -> Reading:
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait([task], timeout=patience)
    if not done:
        raise Hung(f"not done within {patience:.0f} s")
    return task.result()


async def _left_behind(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE)


class Watch:
    """Wall clock and CPU of a `with` block. What was made before it is kept out of the garbage collector's sight, for
    every contender alike. With a `profiler` it looks at nothing but the block."""

    profiler: ClassVar[cProfile.Profile | None] = None

    def __enter__(self) -> Self:
        gc.collect()
        gc.freeze()
        if self.profiler is not None:
            self.profiler.enable()
        self._cpu = time.process_time()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._cpu = time.process_time() - self._cpu
        if self.profiler is not None:
            self.profiler.disable()
        gc.unfreeze()

    def reading(self, units: int, **more: Any) -> Reading:
        """So many units of work were done in the block."""
        return Reading(units / self.seconds, self._cpu / units * 1e6, **more)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so large a share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
