"""Where a test run keeps its temporary files: in memory where there is room, for they are written to all the time."""

import os
import stat
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

import psutil

RAM_DISK = Path("/dev/shm")  # noqa: S108 - nothing is opened there by a name that others can guess
# Two workers' engines and stacks together take about 2 GiB.
NEEDED = 6 * 2**30
TEMPORARY = "TMPDIR"


def choose_scratch(environ: MutableMapping[str, str] = os.environ, ram_disk: Path = RAM_DISK) -> None:
    """Make `ram_disk` the folder of temporary files, here and in children; TMPDIR, where it is set, says otherwise.

    A database for every test is hundreds of megabytes a second to write: three times the time on a disk.
    """
    if TEMPORARY not in environ and _has_room(ram_disk):
        environ[TEMPORARY] = str(ram_disk)
        tempfile.tempdir = None  # asked before: it is asked anew


def _has_room(folder: Path) -> bool:
    """Room enough, and programs that tests write there may run."""
    try:
        there = os.statvfs(folder)
    except OSError:
        return False
    room = min(there.f_bavail * there.f_frsize, psutil.virtual_memory().available)
    return os.access(folder, os.W_OK | os.X_OK) and not there.f_flag & os.ST_NOEXEC and room >= NEEDED


def own_folder(folder: Path) -> Path:
    """The folder, made when missing; raises `PermissionError` when somebody else was there first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    check_ours(folder)
    return folder


def check_ours(folder: Path) -> None:
    """Raise `PermissionError` when a folder among everybody's is not ours.

    Its name can be guessed, and we write and delete in it: through another's links that would reach whatever is ours.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
