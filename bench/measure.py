"""Measuring: contenders run in turns, several times, each reading in work a second."""

from __future__ import annotations

import asyncio
import gc
import statistics
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvloop
from engines import Rig


PATIENCE = 60.0
"""Seconds a run may take: it fails rather than wait for an event that does not come."""


class PeerMissing(Exception):
    """The peer is not installed on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One run of one contender.

    Attributes:
        rate: units of work a second.
        p50: median latency in milliseconds, where the row measures one.
        p99: its 99th percentile.
        facts: anything else worth keeping, such as an index size.
    """

    rate: float
    p50: float | None = None
    p99: float | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Contender:
    """Who runs. `run` asserts by itself that the work it counts was done."""

    name: str
    run: Callable[[Rig], Reading]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the row should reach. `of` is `rate`, `p50`, `p99`, or the name of a peer for a ratio to it."""

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
    """One line of the table: our contender, its peers, and constants nobody ran here (labelled so)."""

    name: str
    title: str
    unit: str
    ours: Contender
    peers: Sequence[Contender] = ()
    constants: dict[str, float] = field(default_factory=dict[str, float])
    goals: Sequence[Goal] = ()
    warm_up: bool = True


@dataclass(slots=True)
class Series:
    """All readings of one contender in one row."""

    name: str
    readings: list[Reading] = field(default_factory=list[Reading])
    missing: str = ""
    failure: str = ""

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

    def latency(self, name: str) -> float | None:
        """The median of `p50` or `p99` over the runs, in milliseconds."""
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
            return self.ours.latency(of)
        return self._ratio(of)

    def _ratio(self, peer: str) -> float | None:
        if peer in self.row.constants:
            return self.ours.rate / self.row.constants[peer]
        found = next((series for series in self.peers if series.name == peer and series.readings), None)
        return self.ours.rate / found.rate if found else None


def measured(row: Row, rig: Rig, runs: int, say: Callable[[str], None]) -> RowResult:
    """Run a row: warm up, then ours, peer, peer, ours, peer, peer …"""
    result = RowResult(row, Series(row.ours.name), [Series(peer.name) for peer in row.peers])
    pairs = list(zip([row.ours, *row.peers], [result.ours, *result.peers], strict=True))
    for turn in range(-1 if row.warm_up else 0, runs):
        for contender, series in pairs:
            if series.missing or series.failure:
                continue
            reading = _read(contender, series, rig)
            if reading is not None and turn >= 0:
                series.readings.append(reading)
            figure = "failed" if series.failure else "missing" if reading is None else f"{reading.rate:,.0f} {row.unit}"
            say(f"{row.name:<18} {f'run {turn + 1}' if turn >= 0 else 'warm':<7} {contender.name}: {figure}")
    return result


def _read(contender: Contender, series: Series, rig: Rig) -> Reading | None:
    gc.collect()
    try:
        return contender.run(rig)
    except PeerMissing as missing:
        series.missing = str(missing)
    except Exception as error:
        series.failure = "".join(traceback.format_exception(error))
    return None


def looped(run: Callable[[Rig], Coroutine[Any, Any, Reading]]) -> Callable[[Rig], Reading]:
    """A coroutine as a contender's `run`, each time on a new uvloop, as services run."""
    return lambda rig: uvloop.run(_bounded(run(rig)))


async def _bounded(work: Coroutine[Any, Any, Reading]) -> Reading:
    async with asyncio.timeout(PATIENCE):
        return await work


@contextmanager
def frozen_inputs() -> Iterator[None]:
    """Keep what was made for the measurement out of the garbage collector's sight, for every contender alike."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so large a share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
