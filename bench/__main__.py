"""`python bench`: what Promenade's event backbone does in a second, and its peers in the same run."""

from __future__ import annotations

import argparse
import cProfile
import io
import logging
import pstats
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import structlog
from engines import Rig
from measure import Row, Watch, measured
from report import as_plain, machine, save, show
from rich.console import Console
from rows import ROWS

RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    """Run the rows asked for; 1 when a contender of ours failed, whatever the figures are."""
    wanted = _arguments()
    if wanted.list:
        for row in ROWS:
            sys.stdout.write(f"{row.name:<18} {'long' if row.long else '':<5} {row.title}\n")
        return 0
    rows = [row for row in ROWS if _is_wanted(row, wanted)]
    if not rows:
        sys.stderr.write("no such row; python bench --list\n")
        return 2
    # Ends as an exception, so that the engines are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _quieten()
    with ExitStack() as stack:
        rig = Rig(stack, long=wanted.long)
        return _profile(rows, rig) if wanted.profile else _measure(rows, rig, wanted.runs, wanted.results)


def _is_wanted(row: Row, wanted: argparse.Namespace) -> bool:
    """Named by the beginning of its name; of the others all, or all that are short."""
    if wanted.only:
        return any(row.name.startswith(name) for name in wanted.only)
    return wanted.long or not row.long


def _measure(rows: list[Row], rig: Rig, runs: int, path: Path) -> int:
    console, about, began = _console(), machine(), time.monotonic()
    progress = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    results = []
    for row in rows:
        results.append(measured(row, rig, runs, progress.print))
        save(path, as_plain(results, about))
    show(results, about, console)
    console.print(f"{len(results)} rows in {time.monotonic() - began:.0f} s")
    return 1 if any(result.ours.failure or result.ours.hung for result in results) else 0


def _profile(rows: list[Row], rig: Rig) -> int:
    """Where our own contender's time goes, by the functions' own time; once warm, once measured.

    Of rows whose work is done by a process of ours it is that process which is profiled, while it is under load.
    """
    for row in rows:
        rig.profiles = rig.folder / row.name
        rig.profiles.mkdir()
        rig.size = row.ours.least
        rig.size = row.ours.size_for(row.ours.run(rig).rate)
        Watch.profiler = cProfile.Profile()
        reading = row.ours.run(rig)
        rig.end_row()
        sys.stdout.write(f"\n== {row.name}: {reading.rate:,.0f} {row.unit} under the profiler\n")
        for profile in sorted(rig.profiles.iterdir()) or [Watch.profiler]:
            text = io.StringIO()
            stats = pstats.Stats(str(profile) if isinstance(profile, Path) else profile, stream=text)
            stats.strip_dirs().sort_stats("tottime").print_stats(70)
            sys.stdout.write(text.getvalue())
        Watch.profiler = None
    return 0


def _console() -> Console:
    """As wide as the terminal; in a file as wide as the table."""
    return Console() if sys.stdout.isatty() else Console(width=170)


def _quieten() -> None:
    """As services log: from `info` upwards; nobody reads it here."""
    logging.disable(logging.ERROR)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python bench", description=__doc__)
    parser.add_argument("--only", action="append", metavar="ROW", help="rows whose name begins so; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of each contender (default 5)")
    parser.add_argument("--long", action="store_true", help="the large sizes: what just bench-long runs")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="where to (bench/results.json)")
    parser.add_argument("--profile", action="store_true", help="profile our contender of each row instead")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
