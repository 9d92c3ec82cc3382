"""A Redis database number of its own per test, lent for as long as the test runs."""

import fcntl
import functools
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

import redis

from promenade_chassis.testing.polling import eventually_blocking

# Number 0 is nobody's: it is where a client lands that forgot its number.
FIRST = 1
# Where the runs of a machine find each other's locks, wherever each of them has its temporary files.
MEETING = Path("/tmp")  # noqa: S108 - `own_folder` looks whose the folder in it is


@contextmanager
def lent_redis_database(server_url: str, locks: Path) -> Generator[str]:
    """The URL of an empty database that no other test uses; a lock file in `locks` says it is taken."""
    with _any_free_number(locks, _databases(server_url)) as number:
        url = f"{server_url}/{number}"
        _ask(url, "FLUSHDB")
        yield url
        _ask(url, "FLUSHDB")


@functools.cache
def _databases(server_url: str) -> int:
    return int(_ask(server_url, "CONFIG GET", "databases")["databases"])


def _ask(url: str, *command: str) -> Any:
    with cast(Any, redis.Redis).from_url(url, decode_responses=True) as client:
        return client.execute_command(*command)


@contextmanager
def _any_free_number(locks: Path, count: int) -> Generator[int]:
    def take() -> tuple[int, TextIO]:
        for number in range(FIRST, count):
            held = (locks / f"redis-{number}.lock").open("w")
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held.close()
            else:
                return number, held
        raise BlockingIOError(f"all {count - FIRST} Redis databases are lent")

    number, held = eventually_blocking(take, within=30)
    with held:
        yield number
