"""`promenade logs`: the processes' log files, one or all."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from promenade_local.logfiles import tail

LOOK_EVERY = 0.2
Print = Callable[[str], None]


class Follower:
    """Reads what is added to one log file, also over a rotation."""

    def __init__(self, log: Path) -> None:
        self.name = log.stem
        self._log = log
        self._position = log.stat().st_size if log.exists() else 0
        self._rest = b""

    def fresh_lines(self) -> list[str]:
        """The whole lines that came since the last call."""
        try:
            with self._log.open("rb") as file:
                if self._log.stat().st_size < self._position:
                    self._position = 0  # cut by a rotation
                file.seek(self._position)
                *whole, self._rest = (self._rest + file.read()).split(b"\n")
                self._position = file.tell()
        except FileNotFoundError:
            return []
        return [line.decode(errors="replace") for line in whole]


def print_tails(logs: Iterable[Path], lines: int, say: Print, *, named: bool) -> None:
    """The last lines of each log, one log after the other."""
    for log in logs:
        for line in tail(log, lines):
            say(_labelled(log.stem, line, named=named))


def follow(logs: Iterable[Path], say: Print, *, named: bool) -> None:
    """Print what is added, until interrupted."""
    followers = [Follower(log) for log in logs]
    while True:
        for follower in followers:
            for line in follower.fresh_lines():
                say(_labelled(follower.name, line, named=named))
        time.sleep(LOOK_EVERY)


def _labelled(name: str, line: str, *, named: bool) -> str:
    return f"{name:<20} | {line}" if named else line
