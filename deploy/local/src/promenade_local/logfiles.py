"""Log files: one per process, kept small."""

import shutil
from pathlib import Path

LARGEST = 10 * 1024 * 1024
TAIL = 64 * 1024


def rotate(log: Path, largest: int = LARGEST) -> None:
    """Move a log that has grown large aside, to `<name>.log.1`, and go on from empty.

    The process keeps its file open for appending, so the file is copied and cut, not renamed.
    """
    try:
        if log.stat().st_size <= largest:
            return
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate(0)
    except FileNotFoundError:
        return


def tail(log: Path, lines: int) -> list[str]:
    """The last lines of a log, as far as they are in its last 64 KiB."""
    if lines <= 0:
        return []
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:]
