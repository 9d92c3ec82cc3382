"""The PostgreSQL and Redis that a test run uses, and how to get at them from any of its processes.

PROMENADE_TEST_BACKEND says which: `embedded` (the default), `docker`, or `external` with
PROMENADE_TEST_POSTGRES_URL (a superuser's) and PROMENADE_TEST_REDIS_URL. The first test of a run that
needs them starts a warden, which starts the engines and ends them with the run, whoever dies before.
"""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Generator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from promenade_chassis.embedded.liveness import wait_gone
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.testing.polling import eventually_blocking
from promenade_chassis.testing.scratch import check_ours

RUN = "PROMENADE_TEST_RUN"
OWNER = "PROMENADE_TEST_OWNER"
KINDS = ("embedded", "docker", "external")
_PREFIX, _OWNED = "promenade-test-", "owned.lock"
START_WITHIN = 180.0  # Docker may have to fetch its images first


class Backends(msgspec.Struct, frozen=True):
    """Where the engines are: the superuser's URL of PostgreSQL, and Redis without a database number."""

    postgres_url: str
    redis_url: str


def chosen_backend(environ: Mapping[str, str] = os.environ) -> str:
    """Which kind of backend this run uses."""
    kind = environ.get("PROMENADE_TEST_BACKEND", "embedded")
    if kind not in KINDS:
        raise ValueError(f"PROMENADE_TEST_BACKEND is {kind!r}; it can be {', '.join(KINDS)}")
    return kind


def announce_run(environ: MutableMapping[str, str] = os.environ) -> Path | None:
    """Make the run's folder for this process and its children; None when a parent process has done so."""
    if RUN in environ:
        return None
    parent = Path(tempfile.gettempdir())
    sweep_runs(parent)
    environ[RUN] = str(parent / f"{_PREFIX}{uuid.uuid4().hex[:12]}")
    environ[OWNER] = str(os.getpid())
    folder = run_folder(environ)
    # Never closed: the system lets go of it when this process dies, and so tells who comes later that it has.
    fcntl.flock(os.open(folder / _OWNED, os.O_CREAT | os.O_WRONLY, 0o600), fcntl.LOCK_EX)
    return folder


def sweep_runs(parent: Path) -> None:
    """Remove the folders of runs that were killed before they had a warden who would: they may be in memory."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile, or its run lives
            _sweep(folder)


def _sweep(folder: Path) -> None:
    check_ours(folder)
    owned = os.open(folder / _OWNED, os.O_WRONLY)
    try:
        fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not (folder / "warden.pid").exists():
            for data in folder.glob("*/data"):
                remove_data(data.parent)
            shutil.rmtree(folder)
    finally:
        os.close(owned)


def run_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The run's folder, made when missing. Nobody else looks into it; as root, the engines' account passes through."""
    folder = Path(environ[RUN])
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            folder.chmod(0o711)
    return folder


def obtain_backends(environ: Mapping[str, str] = os.environ) -> Backends:
    """The run's backends, started by the first process that asks."""
    kind = chosen_backend(environ)
    if kind == "external":
        return Backends(
            postgres_url=environ["PROMENADE_TEST_POSTGRES_URL"],
            redis_url=environ["PROMENADE_TEST_REDIS_URL"].rstrip("/"),
        )
    folder = run_folder(environ)
    with exclusive(folder / "lock"):
        if not (folder / "warden.pid").exists():
            (folder / "warden.pid").write_text(str(_start_warden(kind, folder, environ[OWNER])))
        return _await_backends(folder)


def end_run(folder: Path) -> None:
    """Stop the engines of the run, if any test needed them, and wait until nothing is left."""
    try:
        warden = psutil.Process(int((folder / "warden.pid").read_text()))
        warden.send_signal(signal.SIGTERM)
        wait_gone([warden], within=30)
    except (OSError, psutil.Error):
        pass  # no test needed the engines, or they are gone already
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusive(lock: Path) -> Generator[None]:
    """Hold the lock file; the system lets go of it when the process dies."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _start_warden(kind: str, folder: Path, owner: str) -> int:
    """A process of its own: it must outlive the test worker that happened to need the engines first."""
    log = str(folder / "warden.log")
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "promenade_chassis.testing.warden", kind, str(folder), owner],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _await_backends(folder: Path) -> Backends:
    def answer() -> bytes | None:
        if (folder / "failed").exists():
            return None
        return (folder / "backends.json").read_bytes()

    found = eventually_blocking(answer, within=START_WITHIN)
    if found is None:
        raise RuntimeError(f"the test engines do not start:\n{(folder / 'warden.log').read_text()}")
    return msgspec.json.decode(found, type=Backends)
