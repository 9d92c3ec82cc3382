"""How times, ages and reasons are written, and read, by every command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(?P<number>[0-9]+)\s*(?P<unit>[smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SIZES = (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1))


def moment_of(text: str, now: datetime) -> datetime:
    """A time as operators write it: `90s`, `10m`, `2h`, `7d` ago, or RFC 3339. Raises `ValueError` in words."""
    span = _SPAN.fullmatch(text.strip())
    if span is not None:
        try:
            return now - timedelta(**{_UNITS[span["unit"]]: int(span["number"])})
        except OverflowError:
            raise ValueError(f"{text} ago was before the calendar") from None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no time: write 90s, 10m, 2h, 7d or 2026-01-31T12:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """A duration in at most two units: `12 ms`, `4.2 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    unit, part, size, smaller = next(each for each in _SIZES if whole >= each[2])
    return f"{whole // size} {unit} {whole % size // smaller} {part}"


def clock(moment: datetime) -> str:
    """To the millisecond, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def one_line(text: str, width: int = 100) -> str:
    """The beginning of a text, on one line and without what a terminal would obey."""
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, every column as wide as its widest cell."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def printable(line: str) -> str:
    """A line without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in line)
